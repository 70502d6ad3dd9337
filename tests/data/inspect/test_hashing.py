import numpy as np
import pytest
from PIL import Image, ImageDraw

from covpool.data.inspect.hashing import difference_hash, distances, near_pairs, small_grey


def drawing(seed, size=(300, 200)):
    """Forms on a ground: a hash of noise says nothing."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(random.integers(0, 255, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(15):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        side = int(random.integers(20, 120))
        pen.ellipse([int(x), int(y), int(x) + side, int(y) + side], fill=tuple(random.integers(0, 255, 3).tolist()))
    return image


def test_a_hash_is_the_sign_of_each_step_to_the_right():
    grey = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    bits = "".join(str(int(grey[y, x] < grey[y, x + 1])) for y in range(8) for x in range(8))
    assert difference_hash(grey) == int(bits, 2)


def test_a_smaller_copy_has_nearly_the_same_hash_and_other_pictures_have_not():
    pictures = [drawing(seed) for seed in range(12)]
    hashes = np.array([difference_hash(small_grey(picture)) for picture in pictures], np.uint64)
    copies = [difference_hash(small_grey(picture.resize((150, 100)))) for picture in pictures]
    apart = distances(hashes[:, None], np.array(copies, np.uint64)[None])
    assert np.diag(apart).max() <= 3
    assert (apart + 64 * np.eye(12, dtype=int)).min() > 3


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_near_pairs_are_those_of_a_naive_loop(limit):
    random = np.random.default_rng(limit)
    base = random.integers(0, 1 << 63, 40, dtype=np.uint64)
    flips = [base ^ np.uint64(1 << int(bit)) for bit in random.integers(0, 64, 4)]
    hashes = np.concatenate([base, *flips, flips[0] ^ flips[1] ^ base, base[:5]])
    naive = [
        [one, other]
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (int(hashes[one]) ^ int(hashes[other])).bit_count() <= limit
    ]
    assert near_pairs(hashes, limit).tolist() == naive


def test_more_than_three_bits_would_miss_pairs_and_are_refused():
    with pytest.raises(ValueError, match="limit needs to be from 0 to 3 bits; got 4"):
        near_pairs(np.zeros(2, np.uint64), 4)
