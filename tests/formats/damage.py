"""Ways to damage a file, drawn from a seeded generator."""

import random
import struct

from covpool.formats.corrupt import CorruptFile

HUGE = [b"\xff" * 8, b"\x7f" + b"\xff" * 7, struct.pack("<Q", 1 << 40), struct.pack("<I", 1 << 31) * 2, bytes(8)]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The same bytes with one to eight mutations of all kinds."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        if out:
            rng.choice(MUTATIONS)(rng, out)
    return bytes(out)


def same_length(rng: random.Random, data: bytes) -> bytes:
    """The same bytes with one to four changed in place."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        rng.choice(MUTATIONS[:3])(rng, out)
    return bytes(out)


def aimed(rng: random.Random, data: bytes) -> bytes:
    """The same bytes with one to three numbers changed, as those that state a size, a count or an address are."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        width = rng.choice([1, 2, 4, 8])
        places = [at for at in range(0, len(out) - 8, width) if any(out[at : at + width])]
        place = rng.choice(places or [0])
        old = int.from_bytes(out[place : place + width], "little")
        new = rng.choice(
            [0, 1, old + 1, old - 1, 2 * old, old << 8, 1 << (8 * width - 1), -1, rng.randrange(len(data))]
        )
        out[place : place + width] = (new % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(out)


def _flip(rng, out):
    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)


def _set(rng, out):
    out[rng.randrange(len(out))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])


def _overwrite(rng, out):
    piece = rng.choice(HUGE)[: rng.choice([1, 2, 4, 8])][: len(out)]
    place = rng.randrange(len(out) - len(piece) + 1)
    out[place : place + len(piece)] = piece


def _cut(rng, out):
    del out[rng.randrange(len(out)) :]


def _remove(rng, out):
    place = rng.randrange(len(out))
    del out[place : place + rng.choice([1, 2, 8, 64])]


def _repeat(rng, out):
    place = rng.randrange(len(out))
    out[place:place] = out[place : place + rng.choice([1, 4, 32, 512])]


MUTATIONS = [_flip, _set, _overwrite, _cut, _remove, _repeat]


def put(path, data: bytes) -> None:
    """Write a new file: to cut an old one to nothing makes some file systems wait for the disk."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def survives(read, path) -> bool:
    """Read everything in a damaged file: True where it reads, False where it says a clear error; nothing else."""
    try:
        arrays = read(path)
        for name in arrays:
            arrays[name]
    except CorruptFile as error:
        return not str(error).startswith("cannot read ")
    return True
