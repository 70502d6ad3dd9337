"""An archive of a known set that is not what its publisher has is fetched again, never unpacked."""

import io
import socket
import tarfile

import pytest

from covpool.data import BadSource, open_images

ARCHIVES = {
    "cifar10": "cifar-10-python.tar.gz",
    "cifar100": "cifar-100-python.tar.gz",
    "dtd": "dtd/dtd-r1.0.1.tar.gz",
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_with_another_hash_is_not_unpacked(name, tmp_path, monkeypatch):
    asked = []

    def refuse(*words, **_):
        asked.append(words)
        raise OSError("there is no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    archive = tmp_path / name / ARCHIVES[name]
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("hostile.txt")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    with pytest.raises(BadSource, match="failed"):
        open_images(name, cache=tmp_path, download=True)
    assert asked
    assert not list(tmp_path.rglob("hostile.txt"))
