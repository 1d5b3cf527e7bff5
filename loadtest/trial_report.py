"""What a trial came to, as a table."""

from typing import Final

from rich.table import Table

from loadtest.trial import Trial
from service.ops.verify_report import as_table

_ROWS: Final = (
    ("events", "{events}  ({events_per_s}/s)"),
    ("users", "{users}"),
    ("slates", "{slates}  ({slates_per_s}/s)"),
    ("dead letters", "{dead_letters}"),
    ("event to slate", "p50 {p50_ms} ms, p99 {p99_ms} ms, flat out: mostly waiting in line"),
    ("worker memory", "{worker_rss_mib} MiB now, {worker_rss_peak_mib} MiB at its peak"),
    ("store, a session", "{session_bytes_per_user} bytes per user, {users_in_store} users"),
    ("store, a cached slate", "{slate_bytes_per_user} bytes per user"),
)


def tables(trial: Trial) -> list[Table]:
    """Return the figures, and the whole verification if anything is wrong."""
    return [_figures(trial)] if trial.passed else [_figures(trial), as_table(trial.ledger)]


def _figures(trial: Trial) -> Table:
    figures = trial.as_json()
    title = f"segue try {figures['log']} ({figures['broker']} broker)"
    table = Table(title=title, title_justify="left", show_header=False)
    for name, text in _ROWS:
        table.add_row(name, text.format(**figures))
    verdict = "[green]clean[/]" if trial.passed else "[bold red]NOT clean[/]"
    table.add_row("verify", verdict)
    return table
