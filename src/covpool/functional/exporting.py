"""What an ONNX file cannot hold: the format has no eigendecomposition and no Cholesky factor."""

from __future__ import annotations

import torch


@torch.compiler.assume_constant_result
def exporting_to_onnx() -> bool:
    """Whether ``torch.onnx.export`` is at work; Dynamo, left alone, would take it for False in its strict mode."""
    return torch.onnx.is_in_onnx_export()


def refuse_onnx(what: str, remedy: str) -> None:
    """ValueError while an ONNX file is being written; without it the exporter names an operator of its own."""
    if exporting_to_onnx():
        raise ValueError(f"{what}, for which ONNX has no operator. {remedy}, or use torch.export, which takes it")
