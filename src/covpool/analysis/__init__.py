"""Why second-order pooling helps: what its matrices look like."""

from covpool.analysis.spectrum import effective_rank, spectrum

__all__ = ["effective_rank", "spectrum"]
