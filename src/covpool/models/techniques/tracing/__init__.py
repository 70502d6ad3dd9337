"""Run a backbone once and note what its modules made of what: where its stages, blocks, sums and strides are."""

from covpool.models.techniques.tracing.graph import Graph, Node, trace
from covpool.models.techniques.tracing.residual import Residual, find_residuals

__all__ = ["Graph", "Node", "Residual", "find_residuals", "trace"]
