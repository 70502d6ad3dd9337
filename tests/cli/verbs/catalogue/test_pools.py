from covpool.pooling import list_pools


def test_every_pool_has_a_line(covpool):
    said = covpool("pools")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[2:]] == list_pools()
    assert "32,896" in said.out


def test_one_pool_is_described_under_its_alias_too(covpool):
    said = covpool("pools", "isqrt")
    assert said == covpool("pools", "mpncov")
    assert "also called: mpncov" in said.out
    assert "  steps  (default: 5)" in said.out
    assert "covpool compare --data PATH --pools avg,'isqrt(steps=5)'" in said.out


def test_an_option_that_must_be_given_is_marked(covpool):
    assert "  width  (must be given)" in covpool("pools", "avg-expand").out


def test_an_unknown_pool_is_answered_with_the_nearest(covpool):
    said = covpool("pools", "mpn-cov")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: unknown pool 'mpn-cov'; did you mean 'mpncov'?")
