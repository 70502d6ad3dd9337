"""Retrieval: the vectors of pictures, stored, searched exactly, and judged by what a search finds."""

from covpool.evaluation.retrieval.embedding import Embedded, Layer, embed, normalized
from covpool.evaluation.retrieval.judging import Retrieval, judge_retrieval
from covpool.evaluation.retrieval.ranks import Ranks, positive_ranks
from covpool.evaluation.retrieval.rows import Metric
from covpool.evaluation.retrieval.search import Neighbours, search
from covpool.evaluation.retrieval.storing import embedded, on_disk, prepared, store_vectors
from covpool.evaluation.retrieval.vector_file import vector_writer
from covpool.evaluation.retrieval.vector_index import BadVectors, VectorIndex, open_vectors
from covpool.evaluation.retrieval.whitening import Whitening, fit_whitening

__all__ = [
    "BadVectors",
    "Embedded",
    "Layer",
    "Metric",
    "Neighbours",
    "Ranks",
    "Retrieval",
    "VectorIndex",
    "Whitening",
    "embed",
    "embedded",
    "fit_whitening",
    "judge_retrieval",
    "normalized",
    "on_disk",
    "open_vectors",
    "positive_ranks",
    "prepared",
    "search",
    "store_vectors",
    "vector_writer",
]
