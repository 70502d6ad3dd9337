"""The loop computes what a naive loop computes."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from covpool.observe import observe
from covpool.recipes import Choice, OptimizerSpec, ScheduleSpec
from covpool.training import NonFiniteLoss, read_journal, train
from covpool.training.assemble import assemble
from covpool.training.run import isolated_generators, load_checkpoint


@pytest.fixture
def plain(recipe):
    """SGD without anything random after the first weights, one epoch."""
    return replace(
        recipe,
        network=replace(recipe.network, drop_rate=0.0),
        transform=replace(recipe.transform, augment=Choice("none")),
        optimizer=OptimizerSpec(name="momentum", lr=0.05, weight_decay=1e-3, momentum=0.9),
        schedule=ScheduleSpec(kind="constant", epochs=1),
        ema=None,
    )


def naive_loop(recipe, pictures, *, accumulate=1, clip=None):
    """Weights after one epoch of hand-written SGD, and the loss of each step."""
    with isolated_generators():
        parts = assemble(recipe, images=pictures)
        network, batches, losses = parts.network, list(parts.train_loader.epoch(0)), []
        decayed = [p for p in network.parameters() if p.ndim > 1]
        flat = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 1e-3}, {"params": flat, "weight_decay": 0.0}]
        optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9)
        loss_function = nn.CrossEntropyLoss(label_smoothing=0.1)
        for start in range(0, len(batches), accumulate):
            group = batches[start : start + accumulate]
            total = sum(len(batch.labels) for batch in group)
            optimizer.zero_grad()
            loss = torch.zeros(())
            for batch in group:
                part = loss_function(network(batch.images), batch.labels) * len(batch.labels) / total
                part.backward()
                loss += part.detach()
            if clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            losses.append(loss.item())
    return network.state_dict(), losses


@pytest.mark.parametrize(("accumulate", "clip"), [(1, None), (3, None), (4, 0.05)])
def test_an_epoch_is_that_of_a_naive_loop(plain, pictures, tmp_path, accumulate, clip):
    recipe = replace(plain, optimizer=replace(plain.optimizer, accumulate=accumulate, clip_grad_norm=clip))
    train(recipe, tmp_path / "run", images=pictures, device="cpu", log_every=1)
    weights, losses = naive_loop(recipe, pictures, accumulate=accumulate, clip=clip)
    state = load_checkpoint(tmp_path / "run" / "last.pt")["network"]
    for name, value in weights.items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-6)
    seen = [e["loss"] for e in read_journal(tmp_path / "run" / "journal.jsonl") if e["event"] == "step"]
    assert seen == pytest.approx(losses, rel=1e-4)


def test_the_train_loss_is_the_mean_over_images_and_a_step_event_the_mean_since_the_last(plain, pictures, tmp_path):
    outcome = train(plain, tmp_path / "run", images=pictures, device="cpu", log_every=5)
    _, losses = naive_loop(plain, pictures)
    assert outcome.history[0]["train_loss"] == pytest.approx(sum(losses) / 11, rel=1e-5)  # 11 full batches
    seen = [e["loss"] for e in read_journal(tmp_path / "run" / "journal.jsonl") if e["event"] == "step"]
    assert seen == pytest.approx([sum(losses[:5]) / 5, sum(losses[5:10]) / 5], rel=1e-5)


def test_the_head_learns_first_and_then_all(recipe, pictures, tmp_path):
    states = {}

    def keep(event):
        if event["event"] == "checkpoint":
            states[event["step"]] = load_checkpoint(tmp_path / "run" / "last.pt")["network"]

    with isolated_generators():
        start = assemble(recipe, images=pictures).network.state_dict()
    train(recipe, tmp_path / "run", images=pictures, device="cpu", listen=keep)
    after_head, after_all = states[4], states[8]
    body = [name for name in start if name.startswith("backbone.")]
    assert all(torch.equal(start[name], after_head[name]) for name in body)
    assert not torch.equal(start["head.classifier.weight"], after_head["head.classifier.weight"])
    changed = [name for name in body if not torch.equal(after_head[name], after_all[name])]
    assert len(changed) == len(body)


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_last_checkpoint(plain, pictures, tmp_path):
    recipe = replace(
        plain,
        checkpoint_every_steps=1,
        network=replace(plain.network, pool=Choice("avg")),
        optimizer=replace(plain.optimizer, lr=1e38),
    )
    with pytest.raises(NonFiniteLoss) as caught:
        train(recipe, tmp_path / "run", images=pictures, device="cpu")
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    assert state["progress"]["step"] == caught.value.step - 1
    assert str(tmp_path / "run" / "last.pt") in str(caught.value)
    assert read_journal(tmp_path / "run" / "journal.jsonl")[-1]["event"] == "failed"


def test_bf16_computes_the_convolutions_in_bf16_and_keeps_the_weights_in_float32(plain, pictures, tmp_path):
    recipe = replace(plain, precision="bf16-mixed")
    kinds = set()

    def look(module, inputs, output):
        if isinstance(module, nn.Conv2d) and module.training:  # the probe before the training is float32
            kinds.add(output.dtype)

    handle = nn.modules.module.register_module_forward_hook(look)
    try:
        outcome = train(recipe, tmp_path / "run", images=pictures, device="cpu")
    finally:
        handle.remove()
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in outcome.network.parameters()} == {torch.float32}
    assert outcome.history[0]["train_loss"] == pytest.approx(1.2, abs=0.6)


def test_channels_last_gives_the_same_numbers_up_to_rounding(plain, pictures, tmp_path):
    one = train(plain, tmp_path / "a", images=pictures, device="cpu")
    other = train(replace(plain, channels_last=True), tmp_path / "b", images=pictures, device="cpu")
    assert one.history[0]["train_loss"] == pytest.approx(other.history[0]["train_loss"], rel=1e-3)


def test_the_averaged_weights_are_the_ones_that_are_judged_and_handed_out(recipe, pictures, tmp_path):
    outcome = train(recipe, tmp_path / "run", images=pictures, device="cpu")
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    images = torch.randn(4, 3, 12, 12)
    with observe(outcome.network, "head.pool") as seen:
        outcome.network(images)
    assert seen["head.pool"].shape == (4, 36)
    for name, value in state["ema"].items():
        assert torch.equal(value, outcome.network.state_dict()[name])
    assert not torch.equal(state["ema"]["head.classifier.weight"], state["network"]["head.classifier.weight"])
