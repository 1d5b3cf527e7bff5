"""`segue evaluate policy`, `prequential` and `runs`: judging on logs, and what was judged."""

from pathlib import Path
from typing import Annotated, Any

import typer

JSON = typer.Option(False, "--json", help="Print one JSON object as the last line.")


def policy(
    log: Annotated[Path, typer.Argument(help="JSONL or Parquet, a context on each row.")],
    target: Annotated[
        Path | None, typer.Option(help="Model folder; else the log's own `target` or `scores`.")
    ] = None,
    temperature: float = typer.Option(1.0, min=0.001, help="Of the softmax over scores."),
    explore: float = typer.Option(0.0, min=0, max=1, help="Share that the target draws evenly."),
    ess_min: float = typer.Option(100.0, min=1, help="Effective contexts that are needed."),
    json: bool = JSON,
) -> None:
    """Say what a policy would have earned, from a log of another; exit code 1 if it cannot."""
    from models.evaluation.policy_log import read_policy_log
    from models.evaluation.policy_report import Drawing, evaluate_policy
    from service.core.errors import Refused

    try:
        drawing = Drawing(temperature, explore)
        report = evaluate_policy(read_policy_log(log), target, drawing, ess_min=ess_min)
    except Refused as error:
        typer.echo(f"segue evaluate policy: {error}", err=True)
        if json:
            print_json({"refused": str(error)})
        raise typer.Exit(1) from None
    _tell(report)
    if json:
        print_json(report)


def prequential(  # noqa: PLR0913, PLR0917 - a command's options
    log: Annotated[list[Path], typer.Argument(help="Logs in order of time.")],
    log_format: Annotated[
        str, typer.Option("--format", help="lines (a session on each), 30music, yambda or piki.")
    ],
    blocks: int = typer.Option(10, min=2, help="Equal parts by number of sessions."),
    ranked_every: int = typer.Option(
        0, min=0, help="Train the recommender anew every so many blocks; 0 leaves it out."
    ),
    queries_max: int = typer.Option(4000, min=100, help="Predictions asked of a block."),
    seed: int = typer.Option(0, min=0, help="Of every draw."),
    json: bool = JSON,
) -> None:
    """Replay a log in order: ask about each block, then learn it; recorded as a run, with plots."""
    import numpy as np

    from models.evaluation.prequential import Plan, curves, means, recommender_training
    from models.evaluation.prequential import prequential as replay
    from models.evaluation.runs import record_run
    from models.sessions.read import Numbering, read_sessions
    from models.sessions.recipe import DEFAULT

    items = Numbering()
    plan = Plan(blocks=blocks, queries_max=queries_max, ranked_every=ranked_every, seed=seed)
    try:
        sessions = read_sessions(log, log_format, items, Numbering())
        say = lambda text: typer.echo(text, err=json)  # noqa: E731 - one use
        kinds = np.array(items.kinds, dtype=np.uint8)
        train = recommender_training(kinds, DEFAULT, seed=seed)
        results = replay(sessions, len(items), DEFAULT, plan, say, train)
    except ValueError as error:
        typer.echo(f"segue evaluate prequential: {error}", err=True)
        raise typer.Exit(1) from None
    report = {"means": means(results), "blocks": results, "seed": seed}
    plots = {name.replace("@", ""): curves(results, name) for name in ("hr@20", "mrr@20")}
    folder = record_run(
        "evaluate prequential", params=vars(plan), report=report, inputs=log, plots=plots
    )
    typer.echo(f"recorded in {folder}", err=True)
    if json:
        print_json(report)


def runs(
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs to put side by side.")
    ] = None,
    root: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path(".segue/runs"),
    metric: Annotated[str, typer.Option(help="Only metrics whose name holds this.")] = "",
    json: bool = JSON,
) -> None:
    """List recorded runs, or compare some of them metric by metric."""
    from models.evaluation.runs import all_runs, differences, read_run
    from service.core.errors import Refused

    try:
        found = [read_run(root / name) for name in chosen] if chosen else all_runs(root)
    except Refused as error:
        typer.echo(f"segue evaluate runs: {error}", err=True)
        raise typer.Exit(1) from None
    if not chosen:
        for run in found:
            params = " ".join(f"{key}={value}" for key, value in run.told["params"].items())
            typer.echo(f"{run.id}  {len(run.metrics)} metrics  {params}", err=json)
        if json:
            print_json({run.id: {**run.told, "metrics": run.metrics} for run in found})
        return
    table = {name: row for name, row in differences(found).items() if metric in name}
    for name, row in table.items():
        cells = "".join(f"{'-' if value is None else f'{value:.5g}':>14}" for value in row)
        typer.echo(f"{name:44}{cells}", err=json)
    if json:
        print_json({"runs": [run.id for run in found], "metrics": table})


def print_json(report: dict[str, Any]) -> None:
    """The last line."""
    from orjson import OPT_SERIALIZE_NUMPY, dumps

    typer.echo(dumps(report, option=OPT_SERIALIZE_NUMPY).decode())


def _tell(report: dict[str, Any]) -> None:
    for name in ("logged", "ips", "snips", "dr", "gain"):
        found = report[name]
        span = f"{found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"
        typer.echo(f"{name:8}{span}", err=True)
    typer.echo(
        f"{report['contexts']} contexts of {report['listeners']} listeners; worth"
        f" {report['effective_sample_size']} (largest weight {report['weight_max']})",
        err=True,
    )
    if report["simulated"]:
        typer.echo(f"simulated log; the truth is {report['truth']:.4f}", err=True)
