"""Networks in the layout of the Hugging Face Hub: ``config.json``, ``model.safetensors`` and a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi
from timm.models._hub import save_config_for_hf

from covpool.models.network import Network
from covpool.models.published import published_networks
from covpool.models.restore import WEIGHTS, save_network

CONFIG, CARD = "config.json", "README.md"
_NOT_STATED = "not stated"


def save_pretrained(
    network: Network,
    folder: str | Path,
    *,
    about: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
) -> Path:
    """Write a network as a folder of the Hub; returns it.

    ``restore_network(folder)`` reads it, and so does ``timm.create_model("local-dir:FOLDER", pretrained=True)`` after
    ``import covpool.timm``.

    Args:
        network: what to store.
        folder: made where it is missing; files of the same names are replaced.
        about: what ``save_network`` takes: classes, preprocessing, recipe, source.
        results: what was measured, name -> number or text, for the card; None: the card says that nothing was.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_network(network, folder / WEIGHTS, about)
    save_config_for_hf(network, str(folder / CONFIG))
    (folder / CARD).write_text(model_card(network, about or {}, results), encoding="utf-8")
    return folder


def push_to_hub(
    network: Network,
    repository: str,
    *,
    about: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
    token: str | None = None,
    private: bool = False,
) -> str:
    """Upload what ``save_pretrained`` writes; returns the address of the commit.

    Args:
        network, about, results: as in ``save_pretrained``.
        repository: ``owner/name``; made where it is missing.
        token: of the Hub; None: the one that ``hf auth login`` stored.
        private: for a repository that is made.

    Raises:
        ValueError: the name is no ``owner/name``, or the Hub cannot be reached or refuses; the reason is in it.
    """
    if repository.count("/") != 1:
        raise ValueError(f"a repository is written owner/name; got {repository!r}")
    hub = HfApi(token=token)
    with TemporaryDirectory() as folder:
        save_pretrained(network, folder, about=about, results=results)
        try:
            hub.create_repo(repository, private=private, exist_ok=True)
            done = hub.upload_folder(repo_id=repository, folder_path=folder, commit_message="Add the network")
        except Exception as error:  # huggingface-hub raises those of its HTTP library too
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ValueError(f"{repository!r} was not uploaded: {reason}") from error
    return str(done.commit_url)


def model_card(network: Network, about: Mapping[str, Any], results: Mapping[str, Any] | None = None) -> str:
    """The card: what it is, how to load it, what it was made from and what was measured, from these facts alone."""
    made = network.architecture
    name = str(made["backbone"])
    header = "---\nlibrary_name: covpool\npipeline_tag: image-classification\ntags:\n- covpool\n- timm\n---\n"
    parameters = sum(one.numel() for one in network.parameters())
    facts = {
        "backbone": made["backbone"],
        "pool": f"{made['pool']} of {network.num_features} channels, {network.head_hidden_size:,} numbers",
        **_techniques(made),
        "classes": network.num_classes,
        "parameters": f"{parameters:,}",
        **_published(name),
    }
    sections = [
        header,
        f"# {name} with {made['pool']} pooling\n",
        _table(facts),
        "## Use\n",
        "```python\nfrom covpool import restore_network\n\nnetwork, about = restore_network(FOLDER)\n```\n",
        "## Images\n",
        _table(dict(about.get("preprocessing") or {})) or f"How images are to be normalised is {_NOT_STATED}.\n",
        "## Training\n",
        _recipe(about),
        "## Measured\n",
        _table(dict(results or {})) or "Nothing was measured for this card.\n",
    ]
    return "\n".join(section for section in sections if section)


def _techniques(made: Mapping[str, Any]) -> dict[str, Any]:
    names = [technique["name"] for technique in made.get("techniques", ())]
    return {"techniques": names} if names else {}


def _published(name: str) -> dict[str, Any]:
    if name not in published_networks:
        return {}
    card = published_networks.get(name)
    errors = {"published top-1 error (%)": card.top1_error, "published top-5 error (%)": card.top5_error}
    return {"source": card.source, **{key: value for key, value in errors.items() if value is not None}}


def _recipe(about: Mapping[str, Any]) -> str:
    recipe = about.get("recipe")
    if recipe:
        return f"```json\n{json.dumps(recipe, indent=2, ensure_ascii=False)}\n```\n"
    weights = about.get("weights") or {}
    if "file" in weights:
        return f"Imported from {weights['file']} (md5 {weights.get('md5', _NOT_STATED)}); see the source above.\n"
    return f"The recipe is {_NOT_STATED}.\n"


def _table(facts: Mapping[str, Any]) -> str:
    if not facts:
        return ""
    rows = [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
