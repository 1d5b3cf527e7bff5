"""Weights of heads go by name, whatever order and number a model has."""

import pytest

from service.core.errors import Refused
from service.core.utility import Utility


@pytest.mark.parametrize(
    ("heads", "weights"),
    [
        (("skip", "complete", "like"), [-1.0, 1.0, 1.5]),
        (("next",), [3.0]),
        (("like", "next", "skip"), [1.5, 3.0, -1.0]),
    ],
)
def test_weights_follow_the_names_of_the_heads(
    heads: tuple[str, ...], weights: list[float]
) -> None:
    assert Utility().weights(heads).tolist() == weights


def test_a_weight_may_be_set() -> None:
    assert Utility(skip=-4.0).weights(("skip",)).tolist() == [-4.0]


def test_a_head_that_nobody_weighs_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="listened"):
        Utility().weights(("skip", "listened"))
