from covpool.data import named_sets


def test_every_named_set_has_a_line_and_the_names_are_the_promised_ones():
    published = "cub-200-2011 fgvc-aircraft stanford-cars food101 ifood2019 uec-food100 oxford-pets places365"
    assert {"mnist5k", "digits", "cifar10", "cifar100", "dtd", *published.split()} <= set(named_sets)
    assert named_sets.resolve("cars196_zeroshot") == "stanford-cars-zeroshot"
    assert all(named_sets.get(name).summary for name in named_sets)
