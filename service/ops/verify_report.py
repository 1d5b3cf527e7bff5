"""What `segue verify` found, for people (a table) and for programs (one JSON object)."""

from collections.abc import Iterator
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from service.ops.ledger import Ledger

CHECKS: Final[dict[str, tuple[str, ...]]] = {
    "state = fold of the log": (
        "state_differs",
        "state_at_no_record",
        "state_without_record",
        "state_unreadable",
        "state_of_another_log",
    ),
    "nothing committed unfinished": ("state_behind", "state_missing", "commit_beyond_end"),
    "every input accounted for": ("slate_missing", "dead_letter_missing"),
    "slates true to their state": ("slate_unfaithful", "slate_of_no_record"),
    "versions in order": ("version_regressed", "slate_changed"),
    "slates readable": ("slate_unreadable", "slate_wrong_key"),
    "dead letters true": (
        "dead_letter_kind",
        "dead_letter_altered",
        "dead_letter_changed",
        "dead_letter_of_no_record",
        "dead_letter_unreadable",
        "wrongly_dead_lettered",
    ),
    "deleted users gone": ("deleted_user_has_slate",),
}
"""Which problems each check is about."""


def is_sound(ledger: Ledger) -> bool:
    """Whether nothing is wrong."""
    return not ledger.problems


def as_json(ledger: Ledger) -> dict[str, Any]:
    """Return everything that was counted."""
    tally, slates = ledger.tally, ledger.slates
    return {
        "ok": is_sound(ledger),
        "drained": ledger.facts.is_drained,
        "records": sum(tally.inputs.values()),
        "inputs": dict(sorted(tally.inputs.items())),
        "users": len(ledger.accounts),
        "states_equal": tally.states_equal,
        "states_expired": tally.states_expired,
        "slates": slates.slates,
        "slates_repeated": slates.repeated,
        "slates_null": slates.nulls,
        "dead_letters": dict(sorted(ledger.letters.by_kind.items())),
        "dead_letters_repeated": ledger.letters.repeated,
        "unprovable": tally.unprovable,
        "problems": ledger.problems.as_json(),
    }


def as_table(ledger: Ledger) -> Table:
    """Return one row per check."""
    table = Table(title="segue verify", title_justify="left")
    for heading in ("check", "verdict", "what"):
        table.add_column(heading, overflow="fold")
    said = _said(ledger)
    for check, names in CHECKS.items():
        broken = [name for name in names if name in ledger.problems.counts()]
        verdict = Text("FAIL", "bold red") if broken else Text("ok", "green")
        what = "\n".join(_complaints(ledger, broken)) if broken else said.get(check, "")
        table.add_row(check, verdict, Text(what))
    return table


def _said(ledger: Ledger) -> dict[str, str]:
    tally, slates = ledger.tally, ledger.slates
    inputs = ", ".join(f"{count} {name}" for name, count in sorted(tally.inputs.items()))
    drained = "drained" if ledger.facts.is_drained else "not drained: the rest is in flight"
    states = f"{tally.states_equal} of {len(ledger.accounts)} users equal"
    if tally.states_expired:
        states += f", {tally.states_expired} expired"
    if tally.unprovable:
        states += f"; {tally.unprovable} findings rest on records that the log no longer has"
    return {
        "state = fold of the log": states,
        "nothing committed unfinished": drained,
        "every input accounted for": f"{sum(tally.inputs.values())} records: {inputs}",
        "slates true to their state": f"{slates.slates} slates",
        "versions in order": f"{slates.repeated} repeated, identically",
        "dead letters true": f"{sum(ledger.letters.by_kind.values())} dead letters",
        "deleted users gone": f"{slates.nulls} null slates",
    }


def _complaints(ledger: Ledger, names: list[str]) -> Iterator[str]:
    for name in names:
        yield f"{name}: {ledger.problems.counts()[name]}"
        yield from (f"  {example}" for example in ledger.problems.examples(name))
