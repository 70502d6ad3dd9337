from covpool.models import named_networks


def test_the_named_networks_are_listed(covpool):
    said = covpool("networks")
    assert all(f"{name} " in said.out for name in named_networks)
    assert "covpool networks '*'" in said.out


def test_a_pattern_lists_backbones_of_timm_too(covpool):
    assert covpool("networks", "*efficientnet_lite0*").out.split() == [
        "tf_efficientnet_lite0_isqrt", "efficientnet_lite0", "tf_efficientnet_lite0",
    ]  # fmt: skip


def test_one_network_is_built_and_described(covpool):
    said = covpool("networks", "conv4")
    assert "pool        isqrt of all channels, 4,656 numbers" in said.out
    assert "layout      NCHW" in said.out


def test_what_matches_nothing_is_an_error(covpool):
    assert covpool("networks", "zzz*").code == 2
    said = covpool("networks", "resnt18")
    assert said.code == 2
    assert "did you mean 'resnet18'?" in said.err
