"""What a network answered on a set of pictures, with their names: kept in a file, judged, restricted, paired."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import torch

from covpool.data.sources.folder import opened
from covpool.evaluation.answers.paired import DRAWS, Paired, compare_paired
from covpool.evaluation.predict import Predictions
from covpool.evaluation.result import Result
from covpool.evaluation.writing.whole_file import whole_file

FORMAT = "covpool-predictions/1"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Predictions with the names of their pictures and classes; ``about`` is what a result says about the network."""

    predictions: Predictions
    keys: Sequence[str]
    classes: Sequence[str]
    skipped: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)

    def result(self) -> Result:
        """Accuracy, intervals, confusion.

        Raises:
            ValueError: another number of outputs than classes.
        """
        outputs = self.predictions.logits.shape[1]
        if outputs != len(self.classes):
            raise ValueError(
                f"the network needs pictures of its {outputs} classes; got a set of {len(self.classes)}. "
                "Pass the classes it was trained on, or a map of the classes to its outputs (subset)"
            )
        return Result.of(self.predictions, list(self.classes), skipped=self.skipped, keys=self.keys, about=self.about)

    def restricted(self, outputs: Sequence[int]) -> Answers:
        """Judged on these outputs alone, one for each class: column j becomes output ``outputs[j]``."""
        logits = self.predictions.logits[:, torch.as_tensor(outputs)]
        about = {**self.about, "subset": {"outputs": list(outputs), "of": self.predictions.logits.shape[1]}}
        return replace(self, predictions=replace(self.predictions, logits=logits), about=about)

    def against(self, other: Answers, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> Paired:
        """This network held against ``other`` on the pictures that both judged.

        Raises:
            ValueError: other pictures, other labels, or none in common.
        """
        mine, theirs = self.predictions, other.predictions
        _, rows, other_rows = np.intersect1d(mine.indices.numpy(), theirs.indices.numpy(), return_indices=True)
        if not len(rows):
            raise ValueError("a paired test needs the same pictures; the two have none in common")
        pairs = zip(rows.tolist(), other_rows.tolist(), strict=True)
        strange = next((pair for pair in pairs if self._picture(pair[0]) != other._picture(pair[1])), None)
        if strange is not None:
            at = [" of class ".join(each) for each in (self._picture(strange[0]), other._picture(strange[1]))]
            raise ValueError(f"a paired test needs the same pictures; where one has {at[0]} the other has {at[1]}")
        right, other_right = mine.correct.numpy()[rows], theirs.correct.numpy()[other_rows]
        return compare_paired(right, other_right, level=level, draws=draws, seed=seed)

    def _picture(self, row: int) -> tuple[str, str]:
        return self.keys[row], self.classes[int(self.predictions.labels[row])]

    def write(self, path: str | Path) -> None:
        """Write to ``path`` as .npz: logits, labels, indices, keys, classes; no pickles inside, whole or not at all."""
        arrays = {
            "format": np.array(FORMAT),
            "logits": self.predictions.logits.numpy(),
            "labels": self.predictions.labels.numpy(),
            "indices": self.predictions.indices.numpy(),
            "keys": np.array(list(self.keys), dtype=np.str_),
            "classes": np.array(list(self.classes), dtype=np.str_),
            "skipped": np.array(self.skipped),
            "about": np.array(json.dumps(dict(self.about))),
        }
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def read(cls, path: str | Path) -> Answers:
        """The answers in the file ``path``; nothing in it is executed.

        Raises:
            FileNotFoundError: nothing is there.
            ValueError: another file, or one whose parts do not belong together.
        """
        try:
            with opened(path) as stream:
                return _checked(_arrays(stream))
        except FileNotFoundError:
            raise FileNotFoundError(f"there are no predictions at {path}; covpool evaluate keeps some") from None
        except Exception as error:  # at damaged bytes zipfile, zlib, numpy and json raise a dozen kinds
            raise ValueError(f"{path} cannot be read as predictions of covpool: {error}") from error


_NEEDED = ("format", "logits", "labels", "indices", "keys", "classes", "skipped", "about")


def _arrays(stream: BinaryIO) -> dict[str, np.ndarray]:
    if stream.read(2) != b"PK":  # numpy would take it for a pickle, and advise to load it as one
        raise ValueError("it is no .npz file")
    stream.seek(0)
    with ZipFile(stream) as archive:
        if any(entry.compress_type != ZIP_STORED for entry in archive.infolist()):
            raise ValueError("its arrays are compressed, which covpool never does: they may be of any size")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as file:
        return {name: file[name] for name in _NEEDED}


def _checked(found: Mapping[str, np.ndarray]) -> Answers:
    if str(found["format"]) != FORMAT:
        raise ValueError(f"needs the format {FORMAT!r}; got {str(found['format'])[:40]!r}")
    logits, labels, indices = found["logits"], found["labels"], found["indices"]
    rows, classes = len(found["keys"]), found["classes"]
    sound = logits.ndim == 2 and logits.dtype.kind == "f" and labels.dtype.kind == indices.dtype.kind == "i"
    if not sound or not len(logits) == len(labels) == len(indices) == rows or classes.dtype.kind != "U":
        raise ValueError("its arrays do not belong together")
    if rows and not 0 <= labels.min() <= labels.max() < len(classes):
        raise ValueError(f"its labels are not those of its {len(classes)} classes")
    whole = [torch.from_numpy(part.astype(np.int64)) for part in (labels, indices)]
    return Answers(
        predictions=Predictions(torch.from_numpy(logits.astype(np.float32)), whole[0], whole[1]),
        keys=[str(key) for key in found["keys"]],
        classes=[str(name) for name in classes],
        skipped=int(found["skipped"]),
        about=dict(json.loads(str(found["about"]))),
    )
