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


def test_published_networks_are_listed_with_what_their_authors_say(covpool):
    said = covpool("networks", "threeg/*")
    (line,) = [line for line in said.out.splitlines() if line.startswith("threeg/resnet50 ")]
    assert line.split() == ["threeg/resnet50", "57,970,283", "6.78", "224", "21.34", "ResNet50-3G-ImageNet.pth.tar"]
    assert "resnet50_isqrt" not in said.out


def test_a_published_network_is_described_with_its_source_and_its_files(covpool):
    said = covpool("networks", "gm_sop/resnet18-sr-sop")
    assert "published   error top-1 40.56 %" in said.out
    assert "files       " in said.out
    assert "source      " in said.out


def test_the_name_of_a_published_network_is_answered_with_the_nearest_of_them(covpool):
    said = covpool("networks", "threeg/resnet50x")
    assert said.code == 2
    assert "did you mean 'threeg/resnet50'?" in said.err
