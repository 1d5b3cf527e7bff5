"""`segue replay`, `try`, `demo` and `loadtest`: everything that makes traffic, as commands."""

from enum import StrEnum

import typer

loadtest = typer.Typer(
    help="Measure the service under load.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


class LogFormat(StrEnum):
    """What a log is written in."""

    thirtymusic = "30music"
    kuairand = "kuairand"
    yambda = "yambda"
    piki = "piki"
    nowplaying = "nowplaying"
    jsonl = "jsonl"


class Broker(StrEnum):
    """Which broker to run."""

    auto = "auto"
    real = "real"
    mock = "mock"


_BROKER = typer.Option(Broker.auto, help="Own broker if set, else real Kafka, else mock.")
_FORMAT = typer.Option(..., "--format", help="What the log is written in.")
_JSON = typer.Option(False, "--json", help="Print one JSON object as the last line.")


@loadtest.callback()
def _loadtest() -> None:
    """Measure the service under load."""


@loadtest.command("latency")
def latency(
    rate: float = typer.Option(500.0, min=1.0, help="Events a second, open loop."),
    seconds: float = typer.Option(20.0, min=1.0, help="Seconds measured, of each of the two."),
    broker: Broker = _BROKER,
    json: bool = _JSON,
) -> None:
    """Event to slate, beside a consume-and-produce echo in the same run; exit 1 if too slow."""
    from loadtest.latency.report import lines
    from loadtest.latency.run import LatencyOptions, run_latency
    from service.settings import load_settings

    options = LatencyOptions(rate=rate, seconds=seconds, broker=broker.value)
    verdict = run_latency(load_settings(), options, print)
    print("\n".join(lines(verdict)))
    _finish(verdict.as_json() if json else None, passed=verdict.passed)


def _finish(report: object | None, *, passed: bool) -> None:
    if report is not None:
        from orjson import dumps

        print(dumps(report).decode())
    raise typer.Exit(0 if passed else 1)
