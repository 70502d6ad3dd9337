"""float16 computes in half precision under a loss scale that is found, kept, or given."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from covpool.recipes import Choice, RecipeError, ScheduleSpec
from covpool.training.fit import train
from covpool.training.parts.precision import StaticScaler, precision_options
from covpool.training.run import load_checkpoint


@pytest.fixture
def half(recipe):
    return replace(
        recipe,
        precision="16-mixed",
        ema=None,
        network=replace(recipe.network, pool=Choice("avg"), drop_rate=0.0),
        schedule=ScheduleSpec(kind="constant", epochs=1),
    )


def test_float16_trains_with_weights_in_float32_and_close_to_float32(half, pictures, tmp_path):
    kinds = set()

    def look(module, inputs, output):
        if isinstance(module, nn.Conv2d) and module.training:
            kinds.add(output.dtype)

    handle = nn.modules.module.register_module_forward_hook(look)
    try:
        outcome = train(half, tmp_path / "half", images=pictures, device="cpu")
    finally:
        handle.remove()
    assert kinds == {torch.float16}
    assert {p.dtype for p in outcome.network.parameters()} == {torch.float32}
    state = load_checkpoint(tmp_path / "half" / "last.pt")["precision"]
    assert state["scale"] <= 65536
    plain = train(replace(half, precision="32-true"), tmp_path / "plain", images=pictures, device="cpu")
    assert outcome.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=0.1)


def test_a_given_loss_scale_stays(half, pictures, tmp_path):
    train(replace(half, loss_scale=128.0), tmp_path / "run", images=pictures, device="cpu")
    assert load_checkpoint(tmp_path / "run" / "last.pt")["precision"]["scale"] == 128.0


def test_a_step_whose_gradient_overflows_is_left_out_and_the_scale_kept_or_halved():
    for scaler, after in ((StaticScaler("cpu", 128.0), 128.0), (torch.amp.GradScaler("cpu", init_scale=128.0), 64.0)):
        weight = nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([weight], lr=1.0)
        scaler.scale((weight * torch.tensor([1.0, float("inf")])).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        assert weight.tolist() == [1, 1]
        assert scaler.get_scale() == after
        optimizer.zero_grad()
        scaler.scale(weight.sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        assert weight.tolist() == [0, 0]


def test_other_precisions_are_those_of_fabric(recipe):
    assert precision_options(recipe, "cpu") == {"precision": "32-true"}


def test_a_loss_scale_without_float16_is_a_mistake(recipe):
    with pytest.raises(RecipeError, match="loss_scale belongs to the precision '16-mixed'; got '32-true'"):
        replace(recipe, loss_scale=128.0).check()
