import pytest
import torch
from torch import nn

from covpool.functional.exporting import exporting_to_onnx, refuse_onnx


class Refusing(nn.Module):
    def forward(self, x):
        refuse_onnx("a step needs eigenvalues", "Take another")
        return x + exporting_to_onnx()


def test_only_an_onnx_file_is_refused_and_the_sentence_survives_the_exporter():
    pytest.importorskip("onnxscript")
    module, x = Refusing().eval(), torch.zeros(2)
    assert torch.equal(module(x), x)
    assert torch.equal(torch.export.export(module, (x,)).module()(x), x)
    sentence = "a step needs eigenvalues, for which ONNX has no operator. Take another, or use torch.export"
    with pytest.raises(torch.onnx.OnnxExporterError, match=sentence):
        torch.onnx.export(module, (x,), dynamo=True, verbose=False)
