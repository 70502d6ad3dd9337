"""Why second-order pooling helps: what its matrices look like, and the loss around the weights that it leads to."""

from covpool.analysis.activations import Activations, first_stage
from covpool.analysis.conditioning import conditioning, gram_of_gradients
from covpool.analysis.hessian import Estimate, flatness, hutchinson_trace, spectral_density, top_eigenvalues
from covpool.analysis.lanczos import Ritz, lanczos
from covpool.analysis.landscape import Landscape, along_gradient, even_distances
from covpool.analysis.milestones import epochs_to_reach
from covpool.analysis.modes import modes
from covpool.analysis.objective import NotFinite, Objective
from covpool.analysis.protocol import AT_THE_END, MEASURES, Protocol, measure
from covpool.analysis.sharpness import sharpness
from covpool.analysis.slices import filter_normalised, line, plane
from covpool.analysis.spectrum import network_spectra, spectrum
from covpool.functional.spectrum.rank import effective_rank

__all__ = [
    "AT_THE_END",
    "MEASURES",
    "Activations",
    "Estimate",
    "Landscape",
    "NotFinite",
    "Objective",
    "Protocol",
    "Ritz",
    "along_gradient",
    "conditioning",
    "effective_rank",
    "epochs_to_reach",
    "even_distances",
    "filter_normalised",
    "first_stage",
    "flatness",
    "gram_of_gradients",
    "hutchinson_trace",
    "lanczos",
    "line",
    "measure",
    "modes",
    "network_spectra",
    "plane",
    "sharpness",
    "spectral_density",
    "spectrum",
    "top_eigenvalues",
]
