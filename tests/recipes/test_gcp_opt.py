"""The values of the scripts of GCP_Optimization, DropCov and GCP-OPT."""

import pytest

from covpool.recipes import find_recipe, recipes
from covpool.training.parts.schedule import lr_factor

RESNETS = [f"resnet{depth}-{pool}" for depth in (18, 34, 50, 101) for pool in ("gap", "mpncov")]


def rates(recipe):
    """The rate at the start of each epoch."""
    epochs = range(recipe.schedule.epochs)
    return [recipe.optimizer.lr * lr_factor(11 * epoch, recipe.schedule, 11) for epoch in epochs]


@pytest.mark.parametrize("network", [*RESNETS, "resnet50-mpncov-128"])
def test_resnets_have_lrnorm_lrfast_and_lradju(network):
    formulas = {
        "": (100, lambda e: 0.1 * 0.1 ** (e // 30)),
        "-lrfast": (30, lambda e: 0.1 * (1 - (e - 1) / 52) ** 11),
        "-lradju": (50, lambda e: 0.1 * (1 - (e - 1) / 49) ** 2),
    }
    for ending, (epochs, formula) in formulas.items():
        if network.endswith("128") and ending == "-lrfast":
            continue  # not published
        recipe = find_recipe(f"gcp_opt/{network}{ending}")
        assert rates(recipe) == pytest.approx([formula(e) for e in range(epochs)])
        assert (recipe.loader.batch_size, recipe.optimizer.weight_decay) == (256, 1e-4)
        assert recipe.network.backbone == f"gcp_opt/{network}"


@pytest.mark.parametrize("pool", ["gap", "mpncov"])
def test_mobilenet_and_shufflenet_have_schedules_of_their_own(pool):
    norm, fast, adju = (find_recipe(f"gcp_opt/mobilenet-v2-{pool}{kind}") for kind in ("", "-lrfast", "-lradju"))
    assert rates(norm) == pytest.approx([0.045 * 0.98**e for e in range(400)])
    assert rates(fast) == pytest.approx([0.06 * 0.92**e for e in range(100)])
    assert [rates(adju)[e] for e in (0, 25, 50, 75, 100, 125)] == pytest.approx(
        [0.06, 0.035, 0.01, 0.0055, 0.001, 0.000505]
    )
    assert [r.loader.batch_size for r in (norm, fast, adju)] == [96, 96, 192]
    assert {r.optimizer.weight_decay for r in (norm, fast, adju)} == {4e-5}
    for kind, epochs in (("", 240), ("-lrfast", 60), ("-lradju", 100)):
        recipe = find_recipe(f"gcp_opt/shufflenet-v2-x1_0-{pool}{kind}")
        assert rates(recipe) == pytest.approx([0.5 * (1 - e / epochs) for e in range(epochs)])
        assert (recipe.loader.batch_size, recipe.optimizer.weight_decay) == (1024, 4e-5)
        assert recipe.transform.augment.name == "gcp_opt-shufflenet"


@pytest.mark.parametrize(
    ("network", "values"),
    [
        ("deit-drop-tiny", (1024, 1e-3, 0.03)),
        ("deit-drop-small", (1024, 1e-3, 0.03)),
        ("deit-drop-base", (512, 5e-4, 0.065)),
        ("t2t-drop-14", (1024, 1e-3, 0.03)),
    ],
)
def test_transformers_train_as_timm_would(network, values):
    recipe = find_recipe(f"gcp_opt/{network}")
    assert (recipe.loader.batch_size, recipe.optimizer.lr, recipe.optimizer.weight_decay) == values
    from timm.scheduler import CosineLRScheduler
    from torch import nn, optim

    lr = values[1]
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=lr)
    timm = CosineLRScheduler(optimizer, t_initial=300, lr_min=1e-5, warmup_t=5, warmup_lr_init=1e-6)
    expected = [timm._get_lr(epoch)[0] for epoch in range(310)]
    assert rates(recipe) == pytest.approx(expected)
    assert str(recipe.mixing) == "mixup-cutmix(mixup=0.8, cutmix=1.0, probability=1.0, switch=0.5)"
    assert (str(recipe.loss), recipe.ema, recipe.seed) == ("cross-entropy(smoothing=0.1)", 0.99996, 42)
    assert str(recipe.transform.augment) == "deit"


@pytest.mark.parametrize(("depth", "lr"), [(18, 0.1), (34, 0.025), (50, 0.1)])
def test_mindspore_follows_the_schedule_in_the_program(depth, lr):
    recipe = find_recipe(f"gcp_opt/mindspore-resnet{depth}-mpncov")
    assert rates(recipe) == pytest.approx([lr * 0.1 ** (e // 30) for e in range(100)])
    assert (recipe.loader.batch_size, recipe.network.num_classes) == (256, 1001)
    smoothing = recipe.loss.options["smoothing"]
    assert (1 - smoothing + smoothing / 1001, smoothing / 1001) == pytest.approx((0.9, 0.1 / 1000))
    assert not recipe.optimizer.decay_norm_and_bias


def test_every_published_network_of_the_tables_has_a_recipe():
    assert (
        len([name for name in recipes if name.startswith("gcp_opt/") and "/yaml-" not in name])
        == 14 * 3 - 2 + 4 + 4 + 6
    )
