"""The one exception of all readers."""

from __future__ import annotations


class CorruptFile(ValueError):
    """A file that cannot be read: cut, damaged, hostile, or of a kind that is refused.

    Args:
        path: the file.
        reason: what was needed, what was found, what to do; the rest of a sentence that starts with the file's name.
        offset: the byte where that was noticed, where it is known.

    Example:
        >>> str(CorruptFile("a.ckpt", "it ends inside a field; copy it again", 12))
        'cannot read a.ckpt: it ends inside a field; copy it again (at byte 12)'
    """

    def __init__(self, path: str, reason: str, offset: int | None = None) -> None:
        self.path, self.reason, self.offset = str(path), reason, offset
        where = "" if offset is None else f" (at byte {offset})"
        super().__init__(f"cannot read {self.path}: {reason}{where}")

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.reason, self.offset)
