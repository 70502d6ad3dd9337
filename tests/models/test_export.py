import pytest
import torch

from covpool.models import create_network, export_onnx, export_program
from covpool.models.export import NotTheSame, _compare

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_network("conv4", "isqrt", num_classes=3, reduce_to=4).eval()


def test_a_program_gives_the_logits_for_any_number_of_images(network, tmp_path):
    path = export_program(network, tmp_path / "net.pt2")
    images = torch.rand(5, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    program = torch.export.load(path).module()
    torch.testing.assert_close(program(images), network(images), rtol=1e-5, atol=1e-6)


def test_an_onnx_file_gives_the_logits_for_any_number_of_images(network, tmp_path):
    from onnxruntime import InferenceSession

    path = export_onnx(network, tmp_path / "net.onnx", image_size=24)
    images = torch.rand(5, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    (logits,) = InferenceSession(str(path)).run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), network(images).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gm_sop/resnet18-gm-sop", "gm_sop/resnet18-sr-sop", "gcp_opt/deit-drop-tiny", "assembled/resnet50-d"]
)
def test_published_networks_are_the_same_as_programs_and_onnx_files(name, tmp_path):
    torch.manual_seed(0)
    network = create_network(name).eval()
    export_program(network, tmp_path / "net.pt2")
    export_onnx(network, tmp_path / "net.onnx")


def test_another_suffix_is_refused(network, tmp_path):
    with pytest.raises(ValueError, match=r"end in \.onnx; got 'net\.pt2'"):
        export_onnx(network, tmp_path / "net.pt2")


def test_a_program_with_other_logits_is_an_error_that_names_the_file(network, tmp_path):
    images = torch.rand(2, 3, 28, 28)
    with pytest.raises(NotTheSame, match=r"wrong\.onnx gives other logits .* relative error"):
        _compare(network, lambda x: network(x) * 1.001, images, tmp_path / "wrong.onnx")
