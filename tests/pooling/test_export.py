"""Every pool as a torch program and as an ONNX file, for any batch: the values of the module itself."""

import pytest
import torch

import covpool
from covpool.pooling import create_pool, pools
from pooling_cases import CHANNELS, NEEDED, ORDERED, draw

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ANY_BATCH = ({0: torch.export.Dim("batch")},)
NO_OPERATOR = {"mpncov-eig", "improved-bilinear", "g2denet", "monet", "kernel", "isice"}
NO_OPERATOR |= {"log-euclidean", "log-cholesky", "threeg-irls"}
WITH_A_METHOD = ["improved-bilinear", "g2denet", "monet", "kernel"]
QUICK = {"isqrt"}  # each export takes seconds
NAMES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in pools.names()
    if name not in {*NO_OPERATOR, *ORDERED}
]


def build(name, **options):
    torch.manual_seed(0)
    return create_pool(name, CHANNELS, 4, **NEEDED.get(name, {}), **options).eval()


def onnx_session(module, x):
    program = torch.onnx.export(module, (x,), dynamo=True, dynamic_shapes=ANY_BATCH, verbose=False)
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])


def assert_the_file_says_the_same(module, x, other_batches):
    session = onnx_session(module, x)
    for other in other_batches:
        (y,) = session.run(None, {session.get_inputs()[0].name: other.numpy()})
        expected = module(other).detach()
        assert (torch.from_numpy(y) - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_as_an_onnx_file_gives_the_same_for_every_batch(name):
    others = [draw(batch, CHANNELS, 4, 4, seed=batch, dtype=torch.float32) for batch in (1, 5)]
    assert_the_file_says_the_same(build(name), draw(3, CHANNELS, 4, 4, dtype=torch.float32), others)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_A_METHOD)
def test_a_root_by_products_can_be_written_where_the_exact_one_cannot(name):
    others = [draw(5, CHANNELS, 4, 4, seed=1, dtype=torch.float32)]
    pool = build(name, method="newton-schulz")
    assert_the_file_says_the_same(pool, draw(3, CHANNELS, 4, 4, dtype=torch.float32), others)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "mpncov-eig" else pytest.mark.slow) for n in sorted(NO_OPERATOR)]
)
def test_what_onnx_has_no_operator_for_is_said_in_a_sentence(name):
    x = draw(3, CHANNELS, 4, 4, dtype=torch.float32)
    with pytest.raises(torch.onnx.OnnxExporterError, match=r"for which ONNX has no operator\. .* torch\.export"):
        onnx_session(build(name), x)


@pytest.mark.slow
@pytest.mark.parametrize("width", [12, 16])
def test_sketches_of_any_width_keep_the_precision_of_float32(width):
    """onnxruntime's Fourier transforms of other lengths than powers of two lose three digits."""
    pool = create_pool("cbp", CHANNELS, width=width).eval()
    others = [draw(5, CHANNELS, 4, 4, seed=1, dtype=torch.float32)]
    assert_the_file_says_the_same(pool, draw(3, CHANNELS, 4, 4, dtype=torch.float32), others)


def test_half_precision_maps_are_widened_inside_the_program():
    pool, x = build("isqrt").half(), draw(3, CHANNELS, 4, 4, dtype=torch.float16)
    program = torch.export.export(pool, (x,), dynamic_shapes=ANY_BATCH).module()
    other = draw(5, CHANNELS, 4, 4, seed=1, dtype=torch.float16)
    torch.testing.assert_close(program(other), pool(other))


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "side"), [("conv4", 32), ("resnet18", 64)])
def test_a_whole_network_gives_the_same_as_a_program_and_as_a_file(backbone, side):
    torch.manual_seed(0)
    network = covpool.create_network(backbone, "isqrt", num_classes=7, reduce_to=16).eval()
    x, other = torch.randn(2, 3, side, side), torch.randn(5, 3, side, side)
    expected = network(other).detach()
    program = torch.export.export(network, (x,), dynamic_shapes=ANY_BATCH).module()
    assert (program(other) - expected).norm() <= 1e-5 * expected.norm()
    assert_the_file_says_the_same(network, x, [other])
