from covpool.recipes import Recipe, find_recipe, recipes


def test_every_recipe_has_a_line(covpool):
    said = covpool("recipes", "list")
    assert [line.split()[0] for line in said.out.splitlines()[2:]] == recipes.names()
    assert said == covpool("recipes")


def test_a_shown_recipe_is_yaml_that_gives_the_same_recipe(covpool, tmp_path):
    said = covpool("recipes", "show", "small/conv4")
    assert Recipe.from_yaml(said.out) == find_recipe("small/conv4")
    assert said.out.startswith("# Four convolutions")
    (tmp_path / "mine.yaml").write_text(said.out)
    assert Recipe.from_yaml(covpool("recipes", "show", "mine.yaml").out) == find_recipe("small/conv4")


def test_wrong_words_are_told(covpool):
    assert "unknown action 'shwo'; did you mean 'show'?" in covpool("recipes", "shwo").err
    assert "needs the name of a recipe" in covpool("recipes", "show").err
    assert "takes no name" in covpool("recipes", "list", "small/conv4").err
    said = covpool("recipes", "show", "small/conv")
    assert said.code == 2
    assert "did you mean 'small/conv4'?" in said.err


def test_a_recipe_file_with_mistakes_has_all_of_them_told(covpool, tmp_path):
    (tmp_path / "bad.yaml").write_text("seed: x\nlearning: 3\nschedule: {epochs: 0}\n")
    said = covpool("recipes", "show", "bad.yaml")
    assert said.code == 2
    assert said.err.startswith("error: 3 mistakes")


def test_two_recipes_are_told_apart_by_the_fields_that_differ(covpool, tmp_path):
    said = covpool("recipes", "diff", "gm_sop/resnet18-gm-sop", "gm_sop/resnet18-gm-gap")
    head, _, *rows = said.out.splitlines()
    assert head.split() == ["field", "gm_sop/resnet18-gm-sop", "gm_sop/resnet18-gm-gap"]
    fields = ["network.backbone", "network.pool", "optimizer.lr", "schedule.epochs", "schedule.milestones"]
    assert [row.split()[0] for row in rows] == fields
    assert rows[2].split() == ["optimizer.lr", "0.1", "0.075"]


def test_a_file_is_compared_with_a_recipe_and_with_itself(covpool, tmp_path):
    (tmp_path / "mine.yaml").write_text(find_recipe("small/conv4").to_yaml().replace("seed: 0", "seed: 7"))
    rows = covpool("recipes", "diff", "small/conv4", "mine.yaml").out.splitlines()[2:]
    assert [row.split() for row in rows] == [["seed", "0", "7"]]
    assert "are the same recipe" in covpool("recipes", "diff", "mine.yaml", "mine.yaml").out


def test_a_comparison_needs_two_names_and_a_show_one(covpool):
    assert "needs the names of two recipes" in covpool("recipes", "diff", "small/conv4").err
    assert (
        "recipes diff small/conv4 small/digits compares two"
        in covpool("recipes", "show", "small/conv4", "small/digits").err
    )
