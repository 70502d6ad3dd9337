"""A teacher's answers are learned as the formula says, mixed as the labels are, and a resumed run repeats them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from covpool.data import Batch, ImageSource, Preprocessing, TaughtBatch
from covpool.models import create_network, save_network
from covpool.recipes import Choice, RecipeError
from covpool.training.assemble import assemble
from covpool.training.fit import train
from covpool.training.loop.session import Session
from covpool.training.opening import open_fabric
from covpool.training.parts.distillation import Distilled, LiveTeacher, answers, distillations
from covpool.training.parts.losses import cross_entropy
from covpool.training.parts.mixing import Mixer
from golden_files import GOLDEN

RELEASED = {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / "assembled" / "training" / "losses.npz").items()}


@pytest.mark.parametrize("temperature", [1, 2, 4])
def test_the_teachers_part_is_that_of_the_release(temperature):
    said = answers(RELEASED["teacher_logits"], 7, temperature)
    torch.testing.assert_close(said, RELEASED[f"kd_T{temperature}_teacher"], rtol=1e-5, atol=1e-7)
    logits = RELEASED["logits"].clone().requires_grad_()
    targets = torch.cat([RELEASED["mixed_onehot"], said], dim=1)
    whole = Distilled(cross_entropy(smoothing=0.1), temperature=temperature)(logits, targets)
    part = whole - RELEASED["softmax_mixed_ls0.1"]
    torch.testing.assert_close(part, RELEASED[f"kd_T{temperature}"], rtol=1e-5, atol=1e-5)
    whole.backward()
    expected = RELEASED["softmax_mixed_ls0.1_grad"] + RELEASED[f"kd_T{temperature}_grad"]
    torch.testing.assert_close(logits.grad, expected, rtol=1e-4, atol=1e-6)


def test_the_objective_is_the_naive_sum():
    generator = torch.Generator().manual_seed(0)
    z, teacher = torch.randn(2, 4, 5, generator=generator)
    labels, temperature, weight = torch.tensor([1, 0, 4, 4]), 3.0, 0.7
    expected = 0.0
    for row, said, label in zip(z, teacher, labels, strict=True):
        expected -= row.log_softmax(0)[label] / 4
        p = (said / temperature).softmax(0)
        expected -= weight * temperature**2 * (p * (row / temperature).log_softmax(0)).sum() / 4
    targets = torch.cat([F.one_hot(labels, 5).float(), answers(teacher, 5, temperature)], dim=1)
    loss = Distilled(cross_entropy(), temperature=temperature, weight=weight)
    torch.testing.assert_close(loss(z, targets), expected)


@pytest.mark.parametrize("name", ["mixup-type1", "mixup-type2", "mixup", "cutmix", "mixup-cutmix"])
def test_answers_are_mixed_as_the_labels_are(name, recipe):
    images, labels = torch.rand(5, 3, 4, 4), torch.tensor([0, 1, 2, 1, 0])
    said = F.one_hot(labels, 3).float()
    mixer = Mixer(replace(recipe, mixing=Choice(name)), 3)
    mixed = mixer(Batch(images, labels, torch.arange(5)), 7, 0, said)
    plain = mixer(Batch(images, labels, torch.arange(5)), 7, 0)
    assert torch.equal(mixed.images, plain.images)
    assert torch.equal(mixed.targets[:, :3], plain.targets)
    assert torch.equal(mixed.targets[:, 3:], plain.targets)


def test_logits_beyond_the_classes_count_where_the_student_has_the_class():
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    assert torch.equal(answers(logits, 2, 1.0), logits[:, :2].softmax(1))
    assert torch.equal(answers(logits, 3, 2.0), (logits / 2).softmax(1))
    assert answers(logits, 5, 1.0)[0, 3:].tolist() == [0, 0]


def taught(pictures, classes=3):
    said = np.random.default_rng(5).normal(size=(len(pictures.train), classes)).astype(np.float32)
    train_set = pictures.train.with_teacher_logits(said)
    return ImageSource("taught", train_set, pictures.val, None, pictures.classes, ""), said


def test_a_session_hands_the_network_the_stored_answers_of_its_pictures(recipe, pictures):
    source, said = taught(pictures)
    stored = replace(recipe, distillation=Choice("stored-logits", temperature=2.0))
    session = Session(assemble(stored, images=source), open_fabric(stored, "cpu"))
    batch = next(session.parts.train_loader.epoch(0))
    assert isinstance(batch, TaughtBatch)
    _, targets = session.mixed(batch, 0)
    expected = (torch.from_numpy(said)[batch.indices] / 2).softmax(dim=1)
    torch.testing.assert_close(targets, torch.cat([F.one_hot(batch.labels, 3).float(), expected], dim=1))


@pytest.fixture
def teacher_file(tmp_path):
    torch.manual_seed(3)
    network = create_network("conv4", "avg", num_classes=3)
    values = Preprocessing(12, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), crop_pct=1.0)
    return save_network(network, tmp_path / "teacher.safetensors", {"preprocessing": values.to_dict()})


def test_a_live_teacher_sees_what_the_student_sees_in_its_own_normalisation(teacher_file, recipe, pictures):
    live = replace(recipe, distillation=Choice("teacher", weights=str(teacher_file), temperature=3.0))
    session = Session(assemble(live, images=pictures), open_fabric(live, "cpu"))
    batch = next(session.parts.train_loader.epoch(0))
    images, targets = session.mixed(batch, 0)
    found = session.taught(images, targets)
    values = session.parts.preprocessing
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (values.mean, values.std))
    pixels = images * std + mean
    plain = (pixels - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    network = session.teaching.network[1]
    assert not network.training
    expected = (network(plain) / 3).softmax(dim=1)
    torch.testing.assert_close(found[:, 3:], expected, rtol=1e-4, atol=1e-5)
    assert not found.requires_grad


def test_a_run_leaves_its_teacher_as_it_was_and_learns_from_it(teacher_file, recipe, pictures, tmp_path):
    live = replace(recipe, distillation=Choice("teacher", weights=str(teacher_file)), mixing=Choice("mixup"), ema=None)
    before = LiveTeacher(weights=str(teacher_file)).load(Preprocessing(12), 3).state_dict()
    outcome = train(live, tmp_path / "run", images=pictures, device="cpu")
    plain = train(replace(live, distillation=None), tmp_path / "plain", images=pictures, device="cpu")
    after = LiveTeacher(weights=str(teacher_file)).load(Preprocessing(12), 3).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert outcome.history[0]["train_loss"] > plain.history[0]["train_loss"] + 0.5  # the teacher's part is added


def test_a_network_of_timm_teaches_with_weights_of_a_file(tmp_path):
    timm = pytest.importorskip("timm")
    model = timm.create_model("test_resnet", num_classes=1000)
    torch.save(model.state_dict(), tmp_path / "timm.pth")
    live = LiveTeacher(network="test_resnet", weights=str(tmp_path / "timm.pth"))
    found = live.load(Preprocessing(32), 1000)(torch.zeros(1, 3, 32, 32))
    assert found.shape == (1, 1000)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Choice("stored-logits"), "stored-logits needs pictures with a teacher's logits: TFRecords"),
        (Choice("stored-logits", temperature=0.0), "needs a temperature and a weight above 0; got 0.0 and 1.0"),
        (Choice("teacher"), "teacher needs weights=FILE or network=NAME; got neither"),
        (Choice("teacher", weights="absent.pt"), "distillation: no run folder or checkpoint at absent.pt"),
        (Choice("teacher", network="resnet5o"), "network for a teacher.*resnet50"),
        (Choice("teacher", network="threeg/resnet50"), "no weights of 'threeg/resnet50' come with covpool"),
        (Choice("stored-logit"), "stored-logits"),
    ],
)
def test_what_cannot_teach_is_a_sentence(choice, sentence, recipe, pictures):
    with pytest.raises(RecipeError, match=sentence):
        assemble(replace(recipe, distillation=choice), images=pictures)


def test_a_teacher_of_too_few_classes_is_a_sentence(recipe, pictures, tmp_path):
    file = save_network(create_network("conv4", "avg", num_classes=2), tmp_path / "two.safetensors")
    with pytest.raises(RecipeError, match="needs the 3 classes of the pictures; it knows 2"):
        assemble(replace(recipe, distillation=Choice("teacher", weights=str(file))), images=pictures)
    with pytest.raises(ValueError, match="rows of at least 3 numbers"):
        taught(pictures, 2)


def test_every_way_to_distil_is_registered():
    assert list(distillations) == ["stored-logits", "teacher"]
