"""How asks add up."""

from typing import Any

from service.core.steering import ANCHORS_MAX, LESS_ARTISTS_MAX, NEUTRAL, Steering, steer
from service.core.steering import SteerIntent as Intent


def after(*intents: dict[str, Any], start: Steering = NEUTRAL) -> Steering:
    for intent in intents:
        start = steer(start, Intent(**intent))
    return start


def test_including_a_type_lifts_its_exclusion_and_no_other() -> None:
    steering = after({"exclude_types": ("video", "podcast")}, {"include_types": ("video",)})
    assert steering.exclude_types == ("podcast",)


def test_excluding_again_after_including_holds() -> None:
    asks = [{"exclude_types": ("video",)}, {"include_types": ("video",)}]
    assert after(*asks, asks[0]).exclude_types == ("video",)


def test_excluding_and_including_in_one_breath_excludes() -> None:
    both = {"exclude_types": ("video",), "include_types": ("video",)}
    assert after(both).exclude_types == ("video",)


def test_an_exclusion_outlasts_any_number_of_other_asks() -> None:
    others = [{"more_like": (f"i{n}",)} for n in range(100)]
    assert after({"exclude_types": ("podcast",)}, *others).exclude_types == ("podcast",)


def test_reset_clears_everything_before_the_rest_of_the_same_ask() -> None:
    full = after(
        {"more_like": ("i1",), "less_artists": ("a1",), "exclude_types": ("video", "music")}
    )
    assert after({"reset": True}, start=full) == NEUTRAL
    assert after({"reset": True, "more_like": ("i2",)}, start=full) == Steering(more_like=("i2",))


def test_asks_are_kept_newest_last_and_bounded() -> None:
    asks = [{"more_like": (f"i{n}",), "less_artists": (f"a{n}",)} for n in range(40)]
    steering = after(*asks)
    assert steering.more_like == tuple(f"i{n}" for n in range(40 - ANCHORS_MAX, 40))
    assert steering.less_artists == tuple(f"a{n}" for n in range(40 - LESS_ARTISTS_MAX, 40))


def test_asking_for_the_same_again_makes_it_the_newest_and_no_second() -> None:
    steering = after({"more_like": ("i1", "i2")}, {"more_like": ("i1", "i1")})
    assert steering.more_like == ("i2", "i1")


def test_an_intent_that_asks_for_nothing_says_so() -> None:
    assert Intent().is_empty
    assert Intent(source="words").is_empty
    assert not Intent(reset=True).is_empty
    assert not Intent(include_types=("music",)).is_empty


def test_steering_is_neutral_only_when_nothing_is_in_force() -> None:
    assert NEUTRAL.is_neutral
    assert not after({"less_artists": ("a1",)}).is_neutral
    assert after({"include_types": ("music",)}).is_neutral
