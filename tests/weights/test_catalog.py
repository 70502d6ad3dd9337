import hashlib
import sys

import pytest
import timm

from covpool.weights import offline


@pytest.mark.parametrize("name", offline.names())
def test_an_entry_is_about_a_network_of_timm_and_its_normalisation(name):
    entry = offline.get(name)
    cfg = timm.get_pretrained_cfg(name)
    assert (cfg.mean, cfg.std) == (entry.mean, entry.std)


@pytest.mark.parametrize("name", offline.names())
def test_a_file_is_found_without_importing_its_package(name):
    entry = offline.get(name)
    path = entry.find()
    if path is None:
        pytest.skip(f"needs covpool[{entry.extra}]")
    assert entry.package not in sys.modules
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest.startswith(path.stem.rpartition("-")[2])  # as file names of PyTorch's hub promise


def test_only_the_network_with_tensorflows_padding_has_these_weights():
    assert "tf_efficientnet_lite0" in offline
    assert "efficientnet_lite0" not in offline
