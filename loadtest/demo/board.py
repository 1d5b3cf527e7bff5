"""The live table in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from loadtest.demo.score import Score
from loadtest.stages import STAGES

_WHAT: Final = {
    "append": "event sent, in the broker",
    "poll": "read by the worker",
    "store": "session folded and stored",
    "rank": "candidates ranked (beside store)",
    "publish": "slate through the broker to here",
    "total": "event sent to slate received",
}
assert tuple(_WHAT) == STAGES, "the table explains every stage"


class Board:
    """Draws the score, in place, when told to."""

    def __init__(self, live: Live, address: str) -> None:
        self._live = live
        self._address = address

    def draw(self, score: Score) -> None:
        """Draw once."""
        self._live.update(Group(_head(score, self._address), _stages(score)), refresh=True)


@contextmanager
def open_board(address: str) -> Iterator[Board]:
    """Take over the terminal's last lines while the block runs."""
    with Live(console=Console(), auto_refresh=False) as live:
        yield Board(live, address)


def _head(score: Score, address: str) -> Table:
    events_s, slates_s = score.rates()
    letters = Text(str(score.dead_letters), style="bold red" if score.dead_letters else "")
    table = Table.grid(padding=(0, 3))
    table.add_row("[dim]page[/]", f"[link={address}]{address}[/]", "[dim]Ctrl-C stops[/]")
    table.add_row("[dim]events[/]", f"{score.producer.acknowledged}", f"{events_s:.0f}/s")
    table.add_row("[dim]slates[/]", f"{score.slates}", f"{slates_s:.0f}/s")
    table.add_row("[dim]lag[/]", f"{score.lag_records} records")
    table.add_row("[dim]dead letters[/]", letters)
    skips = f"{score.audience.heard.skip_rate:.0%} of {score.audience.heard.plays} plays"
    table.add_row("[dim]skipped[/]", skips, f"{len(score.audience)} listeners")
    return table


def _stages(score: Score) -> Table:
    table = Table("stage", "p50 ms", "p99 ms", "what", title_justify="left")
    for column in table.columns[1:3]:
        column.justify = "right"
    for stage in STAGES:
        figures = score.stages.figures[stage]
        style = "bold" if stage == "total" else ""
        p50, p99 = f"{figures.at_ms(50):.1f}", f"{figures.at_ms(99):.1f}"
        table.add_row(stage, p50, p99, _WHAT[stage], style=style)
    return table
