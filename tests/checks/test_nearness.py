"""How near a value is to the bound that must not be reached."""

import pytest

from checks.criteria.nearness import nearness_permille


@pytest.mark.parametrize(
    ("value", "bound", "comparison", "permille"),
    [
        (0, 5_000_000, "above", 0),
        (2_500_000, 5_000_000, "above", 500),
        (1, 3_000_000, "above", 1),  # rounded up: never show more distance than there is
        (5_000_000, 5_000_000, "at_least", 1_000),
        (9_000_000, 5_000_000, "above", 1_000),
        (-1_000_000, 5_000_000, "above", 0),
        (1_000_000, 800_000, "below", 800),
        (800_000, 800_000, "at_most", 1_000),
        (500_000, 800_000, "below", 1_000),
        (0, 0, "above", 0),
        (1, 0, "above", 1_000),
        (0, 0, "at_least", 1_000),
        (-1, 0, "above", None),
        (1, 2, "equal", None),
    ],
)
def test_it_is_a_share_of_the_way(value, bound, comparison, permille):
    assert nearness_permille(value, bound, comparison) == permille


@pytest.mark.parametrize(
    ("value", "bound", "permille"),
    [
        (991_000, 800_000, 45),
        (1_000_000, 800_000, 0),
        (800_000, 800_000, 1_000),
        (0, 200_000, 1_000),
    ],
)
def test_a_share_is_far_from_its_floor_while_it_is_near_to_all(value, bound, permille):
    assert nearness_permille(value, bound, "below", share=True) == permille
