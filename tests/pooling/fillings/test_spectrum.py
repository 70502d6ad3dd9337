import pytest
import torch

from covpool import functional
from covpool.pooling.fillings.spectrum import LogCholesky, MatrixLog, MaxExp, RankOneUpdate, StraightenedVariance


def psd(dim, seed=0):
    x = torch.randn(2, dim, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return functional.covariance(x)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (MatrixLog(ridge=0.1), lambda a: functional.matrix_log(a, ridge=0.1)),
        (LogCholesky(log_diagonal=False), lambda a: functional.log_cholesky(a, log_diagonal=False)),
        (MaxExp(7), lambda a: functional.max_exp(a, 7)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_module_is_its_function(module, function):
    torch.testing.assert_close(module(psd(4)), function(psd(4)))


def test_the_start_of_the_update_is_a_buffer_drawn_from_its_seed():
    torch.manual_seed(5)
    update = RankOneUpdate(4, strength=0.3, steps=3)
    assert torch.equal(update.start, RankOneUpdate(4).start)
    assert not torch.equal(update.start, RankOneUpdate(4, seed=1).start)
    expected = functional.rank_one_update(psd(4), update.start.double(), strength=0.3, steps=3)
    torch.testing.assert_close(update(psd(4)), expected)


def test_variances_are_straightened_then_scaled_and_shifted():
    v = torch.tensor([[4.0, 9.0]])
    module = StraightenedVariance(2, eps=0.0)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([2.0, 1.0]))
        module.bias.copy_(torch.tensor([0.0, -1.0]))
    assert module(v).tolist() == [[4.0, 2.0]]
    torch.testing.assert_close(StraightenedVariance(2, transform="log", eps=0.0)(v), v.log())


def test_slots_show_their_choices_and_refuse_what_means_nothing():
    assert repr(MaxExp(7)) == "MaxExp(exponent=7)"
    assert "ridge=0.001" in repr(MatrixLog())
    with pytest.raises(ValueError, match="positive ridge"):
        LogCholesky(ridge=0)
    with pytest.raises(ValueError, match="unknown transform 'cube'"):
        StraightenedVariance(2, transform="cube")
    with pytest.raises(ValueError, match="at least 1 step"):
        RankOneUpdate(4, steps=0)
