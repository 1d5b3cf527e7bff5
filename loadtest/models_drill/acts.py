"""The acts of the drill, in order: each moves an alias, waits for what must follow, checks it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from loadtest.models_drill.ear import Ear
from loadtest.models_drill.shop import Shop
from service.core.alias_history import Move
from service.embedded.steps import Say
from service.settings import Settings

SHADOWED: Final = 10
"""Batches."""
NO_LABELS: Final[frozenset[tuple[str, str]]] = frozenset()
LOAD: Final = ("segue_model_swap_seconds_sum", frozenset({("step", "load")}))
DECIDED: Final = ("segue_model_swap_seconds_sum", frozenset({("step", "decided")}))
SWAP: Final = ("segue_model_swap_seconds_sum", frozenset({("step", "swap")}))
_WAIT_S: Final = 180.0
_MS: Final = 1_000_000
_SWAPPED: Final = "segue_model_swaps_total"
_REFUSED: Final = "segue_model_refused_total"


@dataclass
class Drill:
    """What acts have in hand, and what they found.

    `prompt_s` is how long a swap or rollback may take from the decision, without the checks, which
    run while the old model serves.
    """

    shop: Shop
    ear: Ear
    settings: Settings  # of the running stack
    say: Say
    prompt_s: float = 1.0
    share: float = 0.5
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def check(self, claim: str, holds: bool) -> None:
        """Note a claim that does not hold."""
        self.say(f"      {'ok  ' if holds else 'FAIL'} {claim}")
        if not holds:
            self.failures.append(claim)

    async def tell(self, move: Move) -> None:
        """Announce a move."""
        await self.shop.tell(self.settings, move)


async def act_serve(drill: Drill) -> None:
    """The champion of the registry serves from the first slate on, though the topic is empty."""
    base = drill.shop.versions.base
    await drill.ear.next_by(base, "champion", _WAIT_S)
    drill.check("the registry's champion serves", {v for v, _ in drill.ear.slates} == {base})


async def act_shadow(drill: Drill) -> None:
    """A shadow is loaded beside the champion, scores what was served, and serves nobody."""
    ear, version = drill.ear, drill.shop.versions.equal
    before = await ear.metrics()
    await drill.tell(await asyncio.to_thread(drill.shop.promote, version, "shadow"))
    await ear.until(lambda n: n >= SHADOWED, "segue_shadow_batches_total", fate="scored")
    after = await ear.metrics()
    compared = after["segue_shadow_overlap_count", NO_LABELS]
    overlap = after["segue_shadow_overlap_sum", NO_LABELS] / compared
    drill.figures |= {
        "shadow_slates": int(compared),
        "shadow_overlap": round(overlap, 3),
        "load_ms": round(1000 * (after[LOAD] - before[LOAD]), 1),
    }
    drill.check(f"the equal model's slates agree: {overlap:.0%} of the first ten", overlap > 0.9)
    drill.check("the shadow serves nobody", not any(v == version for v, _ in ear.slates))


async def act_promote(drill: Drill) -> None:
    """The shadow becomes champion: held already, it is only compared with the one that serves."""
    version = drill.shop.versions.equal
    await _move(drill, "promote", version, lambda: drill.shop.promote(version, "champion"))


async def act_roll_back(drill: Drill) -> None:
    """And back: nothing is loaded, nothing is compared."""
    version = drill.shop.versions.base
    await _move(drill, "rollback", version, lambda: drill.shop.roll_back("champion"))


async def act_forged(drill: Drill) -> None:
    """A version that was changed after it was signed is refused; the champion serves on."""
    await _refused(drill, drill.shop.versions.forged, "not_as_published", "the forged model")


async def act_drift(drill: Drill) -> None:
    """So is a sound file whose scores are spread quite otherwise."""
    await _refused(drill, drill.shop.versions.bad, "drift", "the inverted model as champion")


async def act_canary(drill: Drill) -> None:
    """As a canary the bad model is let in, and the guard ends it by what listeners do."""
    shop, ear, bad = drill.shop, drill.ear, drill.shop.versions.bad
    began = time.monotonic()
    await drill.tell(await asyncio.to_thread(shop.promote, bad, "challenger", drill.share))
    await ear.next_by(bad, "challenger", _WAIT_S)
    await ear.until(lambda n: n == 1, "segue_guard_trips_total", kind="skips")
    tripped_at_ns = time.time_ns()
    seconds = time.monotonic() - began
    await ear.until(
        lambda n: n == 0,
        "segue_model_info",
        alias="challenger",
        name=shop.settings.registry.name,
        version=bad,
    )
    withdrawn = await _word_of_the_guard(drill)
    await ear.next_by(shop.versions.base, "champion", _WAIT_S)
    after_ms = max(ear.last_at_ns[bad, "challenger"] - tripped_at_ns, 0) / _MS
    drill.figures |= {
        "canary_s": round(seconds, 1),
        "canary_slates": ear.slates[bad, "challenger"],
        "canary_last_slate_after_trip_ms": round(after_ms, 1),
        "guard": withdrawn.reason if withdrawn else None,
    }
    drill.check(f"the guard ended the canary after {seconds:.1f} s", withdrawn is not None)
    drill.check(f"its last slate came {after_ms:.0f} ms after", after_ms < 1000 * drill.prompt_s)


async def _word_of_the_guard(drill: Drill) -> Move | None:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        move = await asyncio.to_thread(drill.shop.newest, "challenger")
        if move is not None and move.by == "guard" and move.version is None:
            return move
        await asyncio.sleep(0.1)
    return None


async def _move(drill: Drill, name: str, version: str, decide: Callable[[], Move]) -> None:
    """Decide and announce; time from there to the first slate by the other model."""
    before = await drill.ear.metrics()
    heard = asyncio.create_task(drill.ear.next_by(version, "champion", _WAIT_S))
    began_ns = time.time_ns()
    await drill.tell(await asyncio.to_thread(decide))
    total_ms = (await heard - began_ns) / _MS
    after = await drill.ear.metrics()
    checked_ms = 1000 * (after[LOAD] - before[LOAD])
    swapped_ms = 1000 * (after[DECIDED] - before[DECIDED])
    drill.figures |= {
        f"{name}_first_slate_ms": round(total_ms, 1),
        f"{name}_swapped_ms": round(swapped_ms, 1),
        f"{name}_checked_ms": round(checked_ms, 1),
        f"{name}_pointer_us": round(1e6 * (after[SWAP] - before[SWAP]), 1),
    }
    drill.check(
        f"{name}: swapped {swapped_ms:.0f} ms after the decision, {checked_ms:.0f} ms of them"
        f" checks beside the serving model; first slate by the other model after {total_ms:.0f} ms",
        swapped_ms - checked_ms < 1000 * drill.prompt_s,
    )


async def _refused(drill: Drill, version: str, reason: str, what: str) -> None:
    ear, base = drill.ear, drill.shop.versions.base
    await drill.tell(await asyncio.to_thread(drill.shop.move_unchecked, version, "champion"))
    await ear.until(lambda n: n == 1, _REFUSED, reason=reason)
    await ear.next_by(base, "champion", _WAIT_S)
    await ear.next_by(base, "champion", _WAIT_S)
    drill.check(f"{what} is refused ({reason})", not ear.slates[version, "champion"])
    swaps = await ear.figure(_SWAPPED, alias="champion")
    await drill.tell(await asyncio.to_thread(drill.shop.roll_back, "champion"))
    await ear.until(lambda n: n == swaps + 1, _SWAPPED, alias="champion")
    drill.figures.setdefault("refused", []).append(reason)


Act = Callable[[Drill], Awaitable[None]]
ACTS: Final[dict[str, Act]] = {
    "serve": act_serve,
    "shadow": act_shadow,
    "promote": act_promote,
    "roll back": act_roll_back,
    "forged": act_forged,
    "drift": act_drift,
    "canary": act_canary,
}
