"""Faults planted in every stage of a training are named, kept and found again from the files."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from covpool.pooling.describe import Covariance
from covpool.recipes import Choice, OptimizerSpec, ScheduleSpec
from covpool.training import NonFiniteLoss, losses, read_journal, train
from covpool.training.doctor import second_opinion
from covpool.training.doctor.case import Case
from covpool.training.run import load_checkpoint, save_checkpoint

SETTINGS = {"device": "cpu", "log_every": 1}


class BrokenBackward(torch.autograd.Function):
    """The same numbers; the gradient of the first one is NaN."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        broken = gradient.clone()
        broken.view(-1)[0] = torch.nan
        return broken


def spoil(output):
    broken = output.clone()
    broken.view(-1)[0] = torch.nan
    return broken


class Plant:
    """From step ``after`` on, what the chosen module puts out in training goes through ``change``."""

    def __init__(self, chosen, change, after=2):
        self.chosen, self.change, self.after, self.ripe = chosen, change, after, after == 0

    def listen(self, event):
        self.ripe |= event["event"] == "step" and event["step"] >= self.after

    @contextmanager
    def planted(self):
        def hook(module, inputs, output):
            return self.change(output) if self.ripe and module.training and self.chosen(module) else output

        handle = nn.modules.module.register_module_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()


def last_convolution(module):
    return isinstance(module, nn.Conv2d) and module.out_channels == 96


def reduction(module):
    return isinstance(module, nn.Conv2d) and module.out_channels == 8


def classifier(module):
    return isinstance(module, nn.Linear)


STAGES = {
    "backbone": last_convolution,
    "reduce": reduction,
    "describe": lambda module: isinstance(module, Covariance),
    "normalize": lambda module: type(module).__name__ == "MatrixPower" or type(module).__name__ == "MatrixSqrt",
    "classifier": classifier,
}


@pytest.fixture
def open_recipe(recipe):
    """Everything at once: accumulation, clipping, averaged weights; with a pool whose slots all run."""
    network = replace(recipe.network, pool=Choice("mpncov-eig", reduce_to=8))
    return replace(recipe, network=network, schedule=replace(recipe.schedule, head_epochs=0))


def caught(recipe, pictures, run, **settings):
    with pytest.raises(NonFiniteLoss) as error:
        train(recipe, run, images=pictures, **SETTINGS, **settings)
    return error.value


def check_files(error, run):
    """What was kept is safe to read, finite, and leads to the same finding again."""
    assert {path.name for path in (run / "doctor").iterdir()} == {"state.pt", "batch.safetensors", "diagnosis.json"}
    case = Case.read(run / "doctor")
    assert case.step == error.step
    assert all(value.isfinite().all() for value in case.state["optimizer"]["state"].get(0, {}).values())
    again = second_opinion(run)
    assert (again.finding.stage, again.finding.module) == (
        error.diagnosis.finding.stage,
        error.diagnosis.finding.module,
    )
    assert again.causes == error.diagnosis.causes
    return case


@pytest.mark.parametrize("stage", STAGES)
def test_a_module_that_puts_out_nan_is_named(open_recipe, pictures, tmp_path, stage):
    plant, run = Plant(STAGES[stage], spoil), tmp_path / "run"
    with plant.planted():
        error = caught(open_recipe, pictures, run, listen=plant.listen)
        case = check_files(error, run)
    finding = error.diagnosis.finding
    assert (finding.stage, finding.direction, finding.where, finding.batch) == (stage, "forward", "output", 0)
    assert error.step == case.step == 3
    assert len(case.batches) == 3  # a step of three batches
    assert len(error.diagnosis.causes) == 3
    assert all(value.isfinite().all() for name, value in case.state["network"].items() if "running" not in name)
    failed = read_journal(run / "journal.jsonl")[-1]
    assert (failed["event"], failed["stage"], failed["module"]) == ("failed", stage, finding.module)


@pytest.mark.parametrize("stage", STAGES)
def test_a_module_whose_backward_alone_gives_nan_is_named(open_recipe, pictures, tmp_path, stage):
    plant, run = Plant(STAGES[stage], BrokenBackward.apply, after=5), tmp_path / "run"
    with plant.planted():
        error = caught(open_recipe, pictures, run, listen=plant.listen)
        check_files(error, run)
    finding = error.diagnosis.finding
    assert (finding.stage, finding.direction, finding.where) == (stage, "backward", "gradient")
    assert error.step == 6
    assert "gradient" in error.what


def break_arrival(output):
    output.register_hook(lambda gradient: gradient * torch.nan)
    return output


@pytest.mark.parametrize("stage", STAGES)
def test_a_gradient_that_breaks_behind_a_module_is_named_by_it(open_recipe, pictures, tmp_path, stage):
    plant, run = Plant(STAGES[stage], break_arrival), tmp_path / "run"
    with plant.planted():
        error = caught(open_recipe, pictures, run, listen=plant.listen)
        check_files(error, run)
    behind = "loss" if stage == "classifier" else stage  # what comes behind the whole network is the loss
    assert (error.diagnosis.finding.stage, error.diagnosis.finding.direction) == (behind, "backward")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_precision_and_accumulation_change_nothing_about_it(open_recipe, pictures, tmp_path, precision, accumulate):
    optimizer = replace(open_recipe.optimizer, accumulate=accumulate, clip_grad_norm=None)
    recipe = replace(open_recipe, precision=precision, optimizer=optimizer, ema=None)
    plant, run = Plant(STAGES["describe"], spoil), tmp_path / "run"
    with plant.planted():
        error = caught(recipe, pictures, run, listen=plant.listen)
        check_files(error, run)
    assert (error.diagnosis.finding.stage, error.diagnosis.finding.module) == ("describe", "head.pool.describe")


@pytest.mark.parametrize("stage", [pytest.param("backbone", marks=pytest.mark.slow), "describe"])
def test_a_gradient_that_is_no_number_stops_float16_at_once(open_recipe, pictures, tmp_path, stage):
    """The loss scale would leave out one step after the other, and the training end as it began."""
    recipe = replace(open_recipe, precision="16-mixed", loss_scale=128.0)
    plant, run = Plant(STAGES[stage], BrokenBackward.apply, after=3), tmp_path / "run"
    with plant.planted():
        error = caught(recipe, pictures, run, listen=plant.listen)
        check_files(error, run)
    finding = error.diagnosis.finding
    assert (error.step, finding.stage, finding.direction) == (4, stage, "backward")


@pytest.mark.slow
def test_a_scale_that_no_gradient_bears_is_told_after_a_while(open_recipe, pictures, tmp_path):
    recipe = replace(
        open_recipe,
        precision="16-mixed",
        loss_scale=1e30,
        optimizer=replace(open_recipe.optimizer, accumulate=1),
        schedule=replace(open_recipe.schedule, epochs=4),
    )
    error = caught(recipe, pictures, tmp_path / "run")
    assert (error.step, error.diagnosis.finding.stage) == (25, "unknown")
    assert "lower loss_scale" in error.diagnosis.causes[0]


def test_the_batch_of_a_group_is_named(open_recipe, pictures, tmp_path):
    """Only the batch whose first label is a certain one is broken, as it is when the step is taken again."""
    counts = {}

    def spoil_one(output):
        key = round(output.detach().float().sum().item(), 4)
        counts.setdefault(key, len(counts))
        return spoil(output) if counts[key] == 1 else output

    recipe = replace(open_recipe, network=replace(open_recipe.network, drop_rate=0.0))
    plant = Plant(last_convolution, spoil_one, after=0)
    with plant.planted():
        error = caught(recipe, pictures, tmp_path / "run", listen=plant.listen)
    assert (error.diagnosis.finding.stage, error.diagnosis.finding.batch) == ("backbone", 1)


def test_pictures_that_are_no_numbers_are_named(open_recipe, pictures, tmp_path):
    recipe = replace(open_recipe, transform=replace(open_recipe.transform, std=(1e-40, 1.0, 1.0)))
    error = caught(recipe, pictures, tmp_path / "run")
    assert (error.diagnosis.finding.stage, error.step) == ("input", 1)
    assert "pictures 0, 1, 2, 3 of the batch hold NaN or infinity" in error.diagnosis.causes[0]
    check_files(error, tmp_path / "run")


class BrokenLoss(nn.Module):
    """Cross-entropy whose value, or gradient, is no number."""

    def __init__(self, *, way="value"):
        super().__init__()
        self.way = way

    def forward(self, logits, labels):
        loss = nn.functional.cross_entropy(logits, labels)
        return loss * torch.nan if self.way == "value" else BrokenBackward.apply(loss.view(1)).squeeze()


@pytest.mark.parametrize(("way", "direction"), [("value", "forward"), ("gradient", "backward")])
def test_a_loss_that_is_at_fault_is_named(open_recipe, pictures, tmp_path, way, direction):
    losses.register("broken", BrokenLoss)
    try:
        error = caught(replace(open_recipe, loss=Choice("broken", way=way)), pictures, tmp_path / "run")
        check_files(error, tmp_path / "run")
    finally:
        losses._entries.pop("broken")
    assert (error.diagnosis.finding.stage, error.diagnosis.finding.direction) == ("loss", direction)
    assert "the loss BrokenLoss itself" in " ".join(error.diagnosis.causes)


def test_an_update_that_overflows_is_told_from_a_step_that_does(open_recipe, pictures, tmp_path):
    recipe = replace(
        open_recipe,
        network=replace(open_recipe.network, pool=Choice("avg")),
        optimizer=OptimizerSpec(name="momentum", lr=1e38),
        schedule=ScheduleSpec(kind="constant", epochs=2),
    )
    error = caught(recipe, pictures, tmp_path / "run")
    assert error.diagnosis.finding.stage in ("update", "backbone", "pool", "classifier", "summarize")
    assert "optimizer.lr" in " ".join(error.diagnosis.causes)


def caught_on_resuming(recipe, pictures, run, spoil):
    """The error of a run that was stopped behind a step, and whose checkpoint ``spoil`` has changed since."""
    train(recipe, run, images=pictures, time_limit=0.0, **SETTINGS)
    state = load_checkpoint(run / "last.pt")
    spoil(state)
    save_checkpoint(run / "last.pt", {key: value for key, value in state.items() if key != "format"})
    with pytest.raises(NonFiniteLoss) as caught_error:
        train(None, run, resume=True, images=pictures, **SETTINGS)
    return caught_error.value


def test_spoilt_numbers_of_the_optimizer_are_named(recipe, pictures, tmp_path):
    def spoil(state):
        numbers = next(entry for entry in state["optimizer"]["state"].values() if entry["exp_avg"].shape == (3, 36))
        numbers["exp_avg"][1, 5] = torch.nan  # of head.classifier.weight

    run = tmp_path / "run"
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, clip_grad_norm=None))
    error = caught_on_resuming(recipe, pictures, run, spoil)
    finding = error.diagnosis.finding
    assert (finding.stage, finding.module) == ("update", "head.classifier")
    assert "exp_avg of head.classifier.weight" in error.diagnosis.causes[0]
    assert second_opinion(run).first == error.diagnosis.first


def test_an_update_that_spoils_the_last_step_is_not_saved(recipe, pictures, tmp_path):
    """No loss comes after the last step; the weights are looked at before they are written."""

    def spoil(state):
        for numbers in state["optimizer"]["state"].values():
            numbers["exp_avg"][...] = torch.inf

    run = tmp_path / "run"
    error = caught_on_resuming(replace(recipe, schedule=replace(recipe.schedule, steps=2)), pictures, run, spoil)
    assert error.diagnosis.finding.stage == "update"
    assert all(value.isfinite().all() for value in load_checkpoint(run / "last.pt")["network"].values())


def test_a_variance_that_overflows_while_the_steps_are_finite_is_not_saved_in_silence(recipe, pictures, tmp_path):
    """Training does not read it, and evaluation says one thing for every picture."""

    def spoil(state):
        state["network"]["head.pool.reduce.norm.running_var"][2] = torch.inf

    run = tmp_path / "run"
    error = caught_on_resuming(recipe, pictures, run, spoil)
    assert "a running statistic of it" in str(error)
    finding = error.diagnosis.finding
    assert (finding.stage, finding.module) == ("statistics", "head.pool.reduce.norm")
    assert "variance overflowed in head.pool.reduce.norm.running_var" in error.diagnosis.causes[0]
    assert second_opinion(run).first == error.diagnosis.first


@pytest.mark.parametrize("every", [None, 2])
def test_a_run_that_looks_now_and_then_finds_the_step_again(open_recipe, pictures, tmp_path, every):
    """As on an accelerator: the fault is seen four steps late, and the run goes there again from a checkpoint."""
    recipe = replace(open_recipe, checkpoint_every_steps=every)
    broken = Plant(STAGES["normalize"], spoil, after=0)
    eager, lazy = tmp_path / "eager", tmp_path / "lazy"

    def spoil_third(output):
        return spoil(output) if abs(output.detach().sum().item() - marks[7]) < 1e-6 else output

    marks = []
    marking = Plant(STAGES["normalize"], lambda output: marks.append(output.detach().sum().item()) or output, after=0)
    with marking.planted():
        train(recipe, tmp_path / "straight", images=pictures, device="cpu")
    broken.change = spoil_third
    with broken.planted():
        first = caught(recipe, pictures, eager)
        with pytest.raises(NonFiniteLoss) as second:
            train(recipe, lazy, images=pictures, device="cpu", log_every=50, look="log")
        assert second.value.step == first.step == 3
        assert second.value.diagnosis.finding == first.diagnosis.finding
        one, other = Case.read(eager / "doctor"), Case.read(lazy / "doctor")
        check_files(second.value, lazy)
    for mine, theirs in zip(one.batches, other.batches, strict=True):
        assert torch.equal(mine[0], theirs[0])
    for name, value in one.state["network"].items():
        assert torch.equal(value, other.state["network"][name]) or "running" in name


def test_the_checkpoint_before_a_damaged_one_leads_to_the_step_too(open_recipe, pictures, tmp_path, caplog):
    plant = Plant(STAGES["normalize"], spoil, after=2)

    def damage(event):
        if event["event"] == "checkpoint" and event["step"] == 2:
            Path(event["path"]).write_bytes(b"cut")
            plant.ripe = True

    recipe = replace(open_recipe, checkpoint_every_steps=1)
    with plant.planted(), pytest.raises(NonFiniteLoss) as error:
        train(recipe, tmp_path / "run", images=pictures, device="cpu", log_every=50, look="log", listen=damage)
    assert error.value.diagnosis.finding.stage == "normalize"
    assert "going on from the checkpoint before it" in caplog.text


def test_a_run_without_a_fault_has_no_case(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no step that went wrong"):
        second_opinion(tmp_path)
