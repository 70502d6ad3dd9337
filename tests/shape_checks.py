"""The run-time checker of the shape annotations; an int may stand for a float, as everywhere in Python.

beartype looks at one random item of a list. It gets a generator of its own, so that the tests of exact resuming see
nobody else draw from Python's.
"""

import random

_python_bits, random.getrandbits = random.getrandbits, random.Random(0).getrandbits
from beartype import BeartypeConf, beartype  # noqa: E402

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))


@checker
def _draws(items: list[int]) -> int:
    return len(items)


_draws([1])  # the module that draws is imported on first use
random.getrandbits = _python_bits
