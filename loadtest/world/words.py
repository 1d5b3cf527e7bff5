"""Invented names: artists, tracks, shows, books, channels. All made up from the lists below.

Deterministic: the generator decides, and a name that was given away is not given again.
"""

from collections.abc import Callable
from typing import Final

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


ADJECTIVES: Final = _words(
    "Amber Ashen Azure Bashful Bitter Borrowed Brazen Bright Broken Candid Careless Cobalt "
    "Copper Coral Crooked Distant Dusty Early Electric Endless Faded Feral Fleeting Foreign "
    "Fragile Gentle Gilded Golden Halfway Hidden Hollow Honest Humble Idle Indigo Ivory Jaded "
    "Kindred Lucid Lunar Marble Mellow Midnight Minor Modest Narrow Northern Nimble Opaque "
    "Open Paper Patient Pale Plastic Polar Quiet Rapid Restless Rolling Rusty Saffron Salted "
    "Scarlet Secret Silent Silver Slow Solar Southern Stray Sudden Tender Tidal Timid "
    "Twilight Urban Velvet Violet Wandering Wild Winter Woven Yonder"
)
NOUNS: Final = _words(
    "Anchor Antenna Arcade Atlas Avenue Balcony Bakery Beacon Bicycle Boulevard Bridge Cabin "
    "Canyon Carousel Cathedral Cinema Circuit Comet Compass Cove Daydream Delta Desert Diary "
    "Echo Ember Engine Estuary Falcon Feather Ferry Fjord Fountain Garden Glacier Harbour "
    "Harvest Heron Horizon Island Jasmine Journal Juniper Kettle Kite Lagoon Lantern Lattice "
    "Library Lighthouse Magnet Magpie Mango Meadow Meridian Mirror Monsoon Museum Nectar "
    "Orchard Orbit Otter Pavilion Pendulum Petal Pigeon Prairie Quarry Radio Rainfall Raven "
    "Reservoir River Rooftop Saturn Seaside Shadow Signal Skyline Snowfall Sparrow Station "
    "Staircase Summit Sundial Swallow Teacup Telescope Thicket Thunder Tiger Timber Tramway "
    "Valley Vinyl Voyage Wave Willow Window"
)
VERBS: Final = _words(
    "Borrow Break Bring Burn Carry Catch Chase Cross Dance Draw Drift Drop Fall Feel Find "
    "Float Fly Follow Forget Gather Hold Hum Keep Leave Let Light Linger Look Lose Move Open "
    "Paint Pull Read Remember Ride Rise Run Sail Save Send Shake Sing Sleep Spin Stay Steal "
    "Swim Take Tell Throw Trace Turn Wait Walk Wake Wander"
)
TAILS: Final = _phrases(
    "Again, Anyway, Before Dawn, Between Us, by the Sea, Down the Line, for a While, from "
    "Here, Home, in Colour, in Reverse, into the Blue, Like Rain, Once More, on Sunday, out "
    "Loud, over the Hill, Tonight, Together, Tomorrow, under Water, until Morning, with Me, "
    "without a Map"
)
FIRST: Final = _words(
    "Ada Alma Amos Anouk Arlo Bela Bram Cato Celia Dario Della Edda Elio Enzo Esme Fenna "
    "Gideon Greta Hanne Ida Ilse Ines Iris Ivo Jonas Juno Kaia Kasper Lena Leo Linnea Lior "
    "Luz Mabel Maren Milo Mina Nadia Nils Noor Odile Orla Oskar Otis Paloma Petra Quill Rafi "
    "Remi Rhea Rufus Saskia Selma Silas Sol Talia Thea Tomas Una Vera Viggo Wanda Wren Xenia "
    "Yara Yves Zeno Zora"
)
LAST_HEAD: Final = _words(
    "Alder Ash Bel Birk Bran Cal Cor Dal Elm Fal Fen Gar Hal Hart Holm Kel Lark Lin Lor Mar "
    "Mor Nor Oak Pen Quin Ros Sal Sten Tar Thorn Val Ver Wald Wes Win Yar"
)
LAST_TAIL: Final = _words(
    "beck berg bourne by dal den dottir ell ey feld ford gate grove hame holt ino land ley "
    "lund mere mont quist row sen stad stone strand ton vale vik ward well wick wood"
)
GROUPS: Final = _words(
    "Club Society Orchestra Parade Quartet Collective Assembly Ensemble Brothers Sisters "
    "Machine Choir"
)

_Pick = Callable[[tuple[str, ...]], str]


class Namer:
    """Gives names that were not given before, all from one generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._draws = rng
        self._buffer = rng.random(4096)
        self._at = 0
        self._given: set[str] = set()

    def artist(self) -> str:
        """A performer: a person, or a band."""
        return self._new(
            lambda pick, die: (
                _person(pick)
                if die < 0.4
                else f"The {pick(ADJECTIVES)} {pick(NOUNS)}s"
                if die < 0.55
                else f"{pick(ADJECTIVES)} {pick(NOUNS)}"
                if die < 0.8
                else f"{pick(NOUNS)} {pick(GROUPS)}"
            )
        )

    def track(self) -> str:
        """A song title. Songs may share one, as songs do."""
        die, pick = self._draw(), self._pick
        if die < 0.25:
            return f"{pick(ADJECTIVES)} {pick(NOUNS)}"
        if die < 0.45:
            return f"{pick(VERBS)} {pick(TAILS)}"
        if die < 0.6:
            return f"{pick(VERBS)} the {pick(NOUNS)}"
        if die < 0.75:
            return f"{pick(NOUNS)} {pick(TAILS)}"
        if die < 0.9:
            return f"{pick(NOUNS)} & {pick(NOUNS)}"
        return pick(NOUNS)

    def show(self, topic: str) -> str:
        """A podcast's name."""
        return self._new(
            lambda pick, die: (
                f"The {pick(NOUNS)} {_title(topic)} Hour"
                if die < 0.3
                else f"{_title(topic)} with {_person(pick)}"
                if die < 0.6
                else f"{pick(ADJECTIVES)} {_title(topic)}"
                if die < 0.8
                else f"{pick(VERBS)} the {pick(NOUNS)}: {_title(topic)}"
            )
        )

    def book(self) -> str:
        """A book's title."""
        return self._new(
            lambda pick, die: (
                f"The {pick(ADJECTIVES)} {pick(NOUNS)}"
                if die < 0.5
                else f"The {pick(NOUNS)} and the {pick(NOUNS)}"
            )
        )

    def person(self) -> str:
        """An author or a host."""
        return self._new(lambda pick, _: _person(pick))

    def channel(self, topic: str) -> str:
        """A video channel's name."""
        return self._new(lambda pick, _: f"{pick(NOUNS)} {_title(topic)}")

    def _new(self, make: Callable[[_Pick, float], str]) -> str:
        while (name := make(self._pick, self._draw())) in self._given:
            pass
        self._given.add(name)
        return name

    def _pick(self, words: tuple[str, ...]) -> str:
        return words[int(self._draw() * len(words))]

    def _draw(self) -> float:
        if self._at == len(self._buffer):
            self._buffer, self._at = self._draws.random(4096), 0
        self._at += 1
        return float(self._buffer[self._at - 1])


def _person(pick: _Pick) -> str:
    return f"{pick(FIRST)} {pick(LAST_HEAD)}{pick(LAST_TAIL)}"


def _title(topic: str) -> str:
    return topic.title()
