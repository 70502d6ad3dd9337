"""The run-time checker of the shape annotations; an int may stand for a float, as everywhere in Python."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
