import torch

from covpool.functional.sketch import sketch_hashes, tensor_sketch


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hashes(dim, width, seed=1):
    return sketch_hashes(dim, width, generator=torch.Generator(device="cpu").manual_seed(seed))


def test_the_sketch_is_the_hashed_sum_of_the_second_moment():
    x, width = draw(2, 5, 3), 7
    bins, signs = hashes(5, width)
    expected = torch.zeros(2, width, dtype=x.dtype)
    for image in range(2):
        moment = x[image] @ x[image].T
        for i in range(5):
            for j in range(5):
                sign = signs[0, i] * signs[1, j]
                expected[image, (bins[0, i] + bins[1, j]) % width] += sign * moment[i, j]
    torch.testing.assert_close(tensor_sketch(x, bins, signs, width), expected)


def test_bins_that_no_pair_reaches_are_exactly_zero():
    bins, signs = hashes(4, 8192)
    y = tensor_sketch(draw(3, 4, 9).float(), bins, signs, 8192)
    reached = ((bins[0][:, None] + bins[1]) % 8192).unique()
    assert y[:, reached].abs().min() > 0
    assert int((y != 0).sum()) == 3 * len(reached)


def test_inner_products_are_kept_on_average():
    x, y = draw(4, 6, seed=1), draw(4, 6, seed=2)
    exact = ((x @ x.T) * (y @ y.T)).sum()
    drawn = [hashes(4, 64, seed) for seed in range(400)]
    products = [tensor_sketch(x, *pair, 64) @ tensor_sketch(y, *pair, 64) for pair in drawn]
    mean, deviation = torch.stack(products).mean(), torch.stack(products).std() / 20
    assert (mean - exact).abs() < 4 * deviation


def test_the_hashes_are_the_raw_numbers_of_the_mersenne_twister():
    import numpy as np

    raw = np.random.RandomState(1).randint(0, 2**32, size=4 * 10, dtype=np.uint64).reshape(4, 10)
    bins, signs = hashes(10, 8192)
    assert np.array_equal(bins.numpy(), raw[:2] % 8192)
    assert np.array_equal(signs.numpy(), 2 * (raw[2:] % 2).astype(int) - 1)


def test_leading_dimensions_broadcast():
    x = draw(2, 3, 4, 5)
    bins, signs = hashes(4, 6)
    torch.testing.assert_close(tensor_sketch(x, bins, signs, 6)[1, 2], tensor_sketch(x[1, 2], bins, signs, 6))
