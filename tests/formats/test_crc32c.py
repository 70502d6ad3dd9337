import numpy as np
import pytest

from covpool.formats.crc32c import crc32c, masked

# RFC 3720, appendix B.4
KNOWN = [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"", 0)]


def one_byte_after_another(data):
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(("data", "expected"), KNOWN)
def test_the_values_of_the_standard_come_out(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 16 * 1024 + 3, 100_001])
def test_lanes_give_what_a_plain_loop_gives(size):
    data = np.random.RandomState(size).bytes(size)
    assert crc32c(data) == one_byte_after_another(data)


def test_the_mask_turns_and_adds():
    assert masked(0) == 0xA282EAD8
    assert masked(1) == 0xA284EAD8
