"""The equal average is the mean of the weights at the ends of the last epochs, and its norms fit it."""

from dataclasses import replace

import torch
from torch import nn

from covpool.models import restore_network
from covpool.recipes import Choice
from covpool.training import read_journal
from covpool.training.fit import train
from covpool.training.parts.swa import EqualAverage
from covpool.training.run import load_checkpoint


def test_it_is_the_mean_and_takes_each_epoch_once():
    network, sums = nn.Linear(3, 2), []
    average = EqualAverage(network)
    for number in (1, 2, 2, 3):
        if len(sums) < number:
            nn.init.normal_(network.weight)
            sums.append(network.weight.detach().clone())
        average.take(network, number)
    torch.testing.assert_close(average.network.weight, torch.stack(sums).mean(dim=0))


def test_norms_are_measured_as_the_mean_over_batches_with_all_else_in_eval_mode():
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4, momentum=0.03), nn.Dropout(0.5))
    average = EqualAverage(network)
    batches = [torch.randn(8, 4), torch.randn(8, 4) * 3 + 1]
    average.measure(batches)
    norm = average.network[1]
    torch.testing.assert_close(norm.running_mean, torch.stack([b.mean(0) for b in batches]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([b.var(0) for b in batches]).mean(0))
    assert (norm.momentum, norm.training) == (0.03, False)


def test_a_run_judges_the_average_of_its_last_epochs(recipe, pictures, tmp_path):
    states = {}

    def keep(event):
        if event["event"] == "checkpoint":
            states[event["step"]] = load_checkpoint(tmp_path / "run" / "last.pt")

    averaged = replace(
        recipe,
        ema=None,
        swa_epochs=2,
        network=replace(recipe.network, pool=Choice("avg")),
        schedule=replace(recipe.schedule, epochs=3),
    )
    outcome = train(averaged, tmp_path / "run", images=pictures, device="cpu", listen=keep)
    assert states[4]["ema"] is None
    name = "head.classifier.weight"
    mean = torch.stack([states[step]["network"][name] for step in (8, 12)]).mean(dim=0)
    torch.testing.assert_close(outcome.network.state_dict()[name], mean)
    assert torch.equal(restore_network(tmp_path / "run" / "last.pt")[0].state_dict()[name], states[12]["ema"][name])
    norms = [k for k in states[12]["ema"] if k.endswith("running_mean")]
    assert any(not torch.equal(states[12]["ema"][k], states[12]["network"][k]) for k in norms)
    assert read_journal(tmp_path / "run" / "journal.jsonl")[-1]["event"] == "end"
