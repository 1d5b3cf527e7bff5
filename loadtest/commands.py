"""`segue replay`, `try`, `demo` and `loadtest`: everything that makes traffic, as commands."""

import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

INTERRUPTED = 130  # what a shell reports after Ctrl-C

_Report = TypeVar("_Report")

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
    sessions = "sessions"
    jsonl = "jsonl"


class Broker(StrEnum):
    """Which broker to run."""

    auto = "auto"
    real = "real"
    mock = "mock"


_Log = Annotated[Path, typer.Argument(help="The log.")]
_BROKER = typer.Option(Broker.auto, help="Own broker if set, else real Kafka, else mock.")
_Format = Annotated[LogFormat, typer.Option("--format", help="What the log is written in.")]
_OWN_STACK = typer.Option(Broker.auto, help="On a stack of its own: real Kafka, else mock.")
_JSON = typer.Option(False, "--json", help="Print one JSON object as the last line.")


@loadtest.callback()
def _loadtest() -> None:
    """Measure the service under load."""


@loadtest.command("latency")
def latency(
    rate: float = typer.Option(500.0, min=1.0, help="Events a second, open loop."),
    seconds: float = typer.Option(20.0, min=1.0, help="Seconds measured, of each of the two."),
    broker: Broker = _OWN_STACK,
    json: bool = _JSON,
) -> None:
    """Event to slate, beside a consume-and-produce echo in the same run; exit 1 if too slow."""
    from loadtest.latency.report import lines
    from loadtest.latency.run import LatencyOptions, precise_loop, run_latency
    from service.settings import load_settings

    options = LatencyOptions(rate=rate, seconds=seconds, broker=broker.value)
    verdict = _run_until_stopped(run_latency(load_settings(), options, _say), precise_loop)
    if verdict is None:
        raise typer.Exit(INTERRUPTED)
    _say("\n".join(lines(verdict)))
    if json:
        _print_json(verdict.as_json())
    raise typer.Exit(0 if verdict.passed else 1)


@loadtest.command("ranking")
def ranking(
    model: Annotated[
        Path | None,
        typer.Argument(help="A session model's folder, else a synthetic index."),
    ] = None,
    items: int = typer.Option(60_000, min=1_000, help="Items of the synthetic index."),
    sessions: int = typer.Option(150_000, min=100, help="Sessions of the synthetic index."),
    rounds: int = typer.Option(200, min=10, help="Batches measured, of each size."),
) -> None:
    """Cost per user of encoder, retrieval and ranker on one core; the last line is JSON."""
    from loadtest.ranking_cost import World, lines, measure, of_folder, synthetic

    subject = of_folder(model) if model else synthetic(World(items=items, sessions=sessions))
    report = measure(subject, rounds=rounds)
    _say("\n".join(lines(report)))
    _print_json(report)


@loadtest.command("models")
def models(
    rate: float = typer.Option(100.0, min=10.0, help="About so many events a second."),
    listeners: int = typer.Option(240, min=60, help="How many simulated listeners."),
    broker: Broker = _OWN_STACK,
    json: bool = _JSON,
) -> None:
    """Swap, shadow, canary, forged and bad models during traffic; exit 1 if anything is off."""
    from loadtest.models_drill.run import DrillOptions, run_drill
    from loadtest.rig import alone
    from service.settings import load_settings

    options = DrillOptions(rate=rate, listeners=listeners, broker=broker.value)
    report = _run_until_stopped(run_drill(alone(load_settings()), options, _say))
    if report is None:
        raise typer.Exit(INTERRUPTED)
    if json:
        _print_json(report)
    raise typer.Exit(0 if report["passed"] else 1)


def demo(
    seconds: float = typer.Option(None, min=1.0, help="Stop after so long; else Ctrl-C stops."),
    headless: bool = typer.Option(False, "--headless", help="Lines instead of the live table."),
    rate: float = typer.Option(30.0, min=0.1, help="About so many events a second."),
    listeners: int = typer.Option(60, min=1, help="How many simulated listeners."),
    broker: Broker = _BROKER,
    json: bool = _JSON,
) -> None:
    """Run everything on this machine, with simulated listeners, and the page to join them."""
    from loadtest.demo.show import DemoOptions, run_demo
    from service.settings import load_settings

    options = DemoOptions(
        seconds=seconds,
        rate=rate,
        listeners=listeners,
        broker=broker.value,
        live=sys.stdout.isatty() and not headless,
        colour=sys.stdout.isatty(),
    )
    report = _run_until_stopped(run_demo(load_settings(), options, _say))
    if json and report is not None:
        _print_json(report)


def try_log(
    log: _Log,
    log_format: _Format,
    rows: int = typer.Option(None, "--limit", min=1, help="Take only so many rows."),
    broker: Broker = _OWN_STACK,
    json: bool = _JSON,
) -> None:
    """Send a log through the whole service on a stack of its own, verify, and say how it went."""
    from rich.console import Console

    from loadtest.trial import TrialOptions, run_trial
    from loadtest.trial_report import tables
    from service.settings import load_settings

    options = TrialOptions(log, log_format.value, broker.value, rows)
    trial = _run_until_stopped(run_trial(load_settings(), options, _say))
    if trial is None:
        raise typer.Exit(INTERRUPTED)
    Console().print(*tables(trial), sep="\n")
    if json:
        _print_json(trial.as_json())
    raise typer.Exit(0 if trial.passed else 1)


def replay(
    log: _Log,
    log_format: _Format,
    speed: float = typer.Option(
        None, min=0.001, help="The log's own rhythm, so many times faster."
    ),
    rate: str = typer.Option("max", help="Else: events a second, or max."),
    rows: int = typer.Option(None, "--limit", min=1, help="Send only so many rows."),
    cloud_events: bool = typer.Option(False, "--cloud-events", help="Add CloudEvents headers."),
) -> None:
    """Send a log to the broker of the settings as playback events; event times are the log's."""
    from loadtest.replay.command import ReplayOptions, run_replay
    from service.settings import load_settings

    options = ReplayOptions(log, log_format.value, speed, _rate(rate), rows, cloud_events)
    if _run_until_stopped(run_replay(load_settings(), options, _say)) is None:
        raise typer.Exit(INTERRUPTED)


def _rate(text: str) -> float | None:
    """Events a second; None is as fast as they are taken."""
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not rate > 0:  # NaN is not
        raise typer.BadParameter(f"{text!r} is neither `max` nor a number above 0")
    return rate


def _run_until_stopped(
    work: Coroutine[Any, Any, _Report], loop_factory: Callable[[], Any] | None = None
) -> _Report | None:
    """Run to the end; None when Ctrl-C or SIGTERM came first and everything is stopped."""
    import asyncio

    from service.embedded.serving import until_stopped

    reports = []

    async def run() -> None:
        reports.append(await work)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(until_stopped(run()))
    return reports[0] if reports else None


def _say(text: str) -> None:
    print(text, flush=True)  # a pipe would hold it back until the end


def _print_json(report: object) -> None:
    from orjson import dumps

    print(dumps(report).decode(), flush=True)
