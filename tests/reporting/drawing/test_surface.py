from covpool.reporting.drawing.surface import surface


def test_a_cell_a_value_pale_to_full_with_its_number_on_hover():
    drawing = str(surface([-1, 0, 1], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], low=1, high=9, what="loss"))
    assert drawing.count("<rect") == 9
    assert "var(--accent) 0.0%" in drawing
    assert "var(--accent) 100.0%" in drawing
    assert "loss 9 at (1, 1)" in drawing


def test_a_flat_surface_is_pale():
    assert str(surface([-1, 0, 1], [[2] * 3] * 3, low=2, high=2, what="loss")).count("var(--accent) 0.0%") == 9
