"""Audit what covpool depends on: python .ci/audit.py [--lock]

Asked is a service of known vulnerabilities, by pip-audit, about the versions in .ci/requirements.lock. Where none can
be asked, the hashes of the lock stand: pip fetches the files, where it has an index, and compares them. It ends with 1
where a version is known to be vulnerable, a file is not the one that was locked, or the lock lacks a dependency; what
could not be asked is said and no fault. `python .ci/audit.py --lock` writes the lock anew, with what pip finds newest.
"""

# ruff: noqa: T201

import json
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "requirements.lock"
PROJECT = HERE.parent / "pyproject.toml"
HERE_IS = f"# for Python {sys.version_info.major}.{sys.version_info.minor}, {sys.platform}, {platform.machine()}"
_LINE = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+) --hash=sha256:(?P<hash>[0-9a-f]{64})")


def plain(name):
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked():
    """The lines of the lock, read; ValueError at one that lacks its hash."""
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    found = [_LINE.fullmatch(line) for line in lines]
    if None in found:
        raise ValueError(f"{LOCK.name} needs name==version --hash=sha256:...; got {lines[found.index(None)]!r}")
    return {match["name"]: match["version"] for match in found}


def uncovered(versions):
    """The dependencies of pyproject.toml that the lock does not have."""
    wanted = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    names = [plain(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in wanted]
    return [name for name in names if name not in versions]


def known_vulnerabilities():
    """(sentences about vulnerable versions, how many versions were asked about); None where nobody could be asked."""
    words = ["--requirement", str(LOCK), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, check=False)
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    asked = [row for row in rows if "skip_reason" not in row]  # a service that is cut off skips, and finds nothing
    said = [f"{row['name']} {row['version']}: {[v['id'] for v in row['vulns']]}" for row in asked if row["vulns"]]
    return (said, len(asked)) if asked else None


def files_are_the_locked_ones():
    """Whether pip finds files with the hashes of the lock; None where it finds none, or those of another system."""
    if HERE_IS not in LOCK.read_text(encoding="utf-8").splitlines():
        return None
    words = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes", "--quiet"]
    command = [sys.executable, "-m", "pip", *words, "--requirement", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return True
    return False if "DO NOT MATCH THE HASHES" in done.stderr else None


def audit():
    """The exit code."""
    versions = locked()
    if missing := uncovered(versions):
        print(f"audit: {LOCK.name} lacks {', '.join(missing)}; write it anew with: python .ci/audit.py --lock")
        return 1
    known = known_vulnerabilities()
    if known is not None:
        said, asked = known
        print(*said, f"audit: {asked} of {len(versions)} versions asked about, {len(said)} vulnerable", sep="\n")
        return int(bool(said))
    print("audit: no service of vulnerabilities could be asked (pip-audit absent, or no connection)")
    same = files_are_the_locked_ones()
    if same is None:
        print(f"audit: no index has the files for this system either; {len(versions)} versions are locked with hashes")
    else:
        print(f"audit: {len(versions)} files {'have' if same else 'do not have'} the hashes of {LOCK.name}")
    return int(same is False)


def write_lock():
    """Write the lock from what pip would install for the project now."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report), str(HERE.parent)]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
    archives = [(row["metadata"], row["download_info"].get("archive_info")) for row in rows]  # the project has none
    lines = sorted(
        f"{plain(about['name'])}=={about['version']} --hash=sha256:{archive['hashes']['sha256']}\n"
        for about, archive in archives
        if archive is not None
    )
    head = "# Written by .ci/audit.py --lock: what covpool is audited with, not what it needs (see pyproject.toml).\n"
    LOCK.write_text(f"{head}{HERE_IS}\n{''.join(lines)}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write_lock() if "--lock" in sys.argv[1:] else audit())
