from covpool.data import named_sets


def test_every_named_set_has_a_line_and_the_names_are_the_promised_ones():
    downloaded = "cifar10 cifar100 flowers102 dtd fgvc-aircraft stanford-cars food101 oxford-pets places365"
    assert named_sets.names() == ["mnist5k", "digits", *downloaded.split()]
    assert all(named_sets.get(name).summary for name in named_sets)
