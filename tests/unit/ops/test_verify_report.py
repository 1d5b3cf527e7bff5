"""The report says every problem there can be, and its JSON says everything that was counted."""

import io
import re
from pathlib import Path

from rich.console import Console

from service.ops import ledger as ledger_module
from service.ops.verify_report import CHECKS, as_json, as_table, is_sound
from tests.unit.ops.service_run import ServiceRun
from tests.unit.ops.test_ledger import sound_run, spoil_slate

OPS = Path(ledger_module.__file__).parent


def test_every_problem_the_books_can_find_belongs_to_a_check() -> None:
    books = ("ledger", "accounts", "slate_book", "letter_book")
    source = "".join((OPS / f"{book}.py").read_text() for book in books)
    found = set(
        re.findall(r'"((?:state|slate|dead_letter|commit|version|deleted|wrongly)_\w+)"', source)
    )
    assert {name for names in CHECKS.values() for name in names} == found


def test_a_sound_run_reads_as_ok_on_every_line() -> None:
    ledger = sound_run().ledger()
    text = rendered(ledger)
    assert "FAIL" not in text
    assert "3 of 3 users equal" in text
    assert is_sound(ledger)


def test_a_problem_is_shown_with_its_example() -> None:
    run = sound_run()
    spoil_slate(run, state_digest="0" * 16)
    ledger = run.ledger()
    text = rendered(ledger)
    assert "FAIL" in text
    assert "slate_unfaithful: 1" in text
    assert "0000000000000000" in text
    assert as_json(ledger)["problems"]["slate_unfaithful"]["count"] == 1


def test_the_json_of_an_empty_service_is_sound_and_counts_nothing() -> None:
    assert as_json(ServiceRun().ledger()) | {"problems": {}} == as_json(ServiceRun().ledger())
    assert as_json(ServiceRun().ledger())["records"] == 0


def rendered(ledger: ledger_module.Ledger) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(as_table(ledger))
    return console.export_text()
