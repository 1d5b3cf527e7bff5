"""`segue evaluate gate`: may a candidate take the champion's place?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.evaluation.exposures import ExposureSet
    from models.evaluation.gate import Tolerances, Verdict

OUT = Path(".segue/gate.json")
SIMULATED = "simulated: the synthetic world's listeners, mixed policy"


def gate(  # noqa: PLR0913, PLR0917 - a command's options
    candidate: Annotated[Path, typer.Argument(help="Model folder.")],
    champion: Annotated[
        Path | None, typer.Argument(help="Model folder, or figures written by --record.")
    ] = None,
    exposures: Annotated[
        Path | None,
        typer.Option("--set", help="Exposures, or with --format a log of sessions."),
    ] = None,
    log_format: Annotated[
        str | None, typer.Option("--format", help="Judge session models on the log that --set is.")
    ] = None,
    save_set: Annotated[Path | None, typer.Option(help="Keep the exposures here.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write the candidate's own figures here.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the verdict goes.")] = OUT,
    loss_nats: float = typer.Option(0.005, min=0, help="Log loss a head may lose."),
    hits: float = typer.Option(0.01, min=0, help="HR@20 and MRR@20 a session model may lose."),
    order: float = typer.Option(0.005, min=0, help="Share of pairs in order it may lose."),
    ece: float = typer.Option(0.01, min=0, help="Calibration error a head may gain."),
    latency_ratio: float = typer.Option(1.25, min=0, help="Times the champion's time."),
    size_ratio: float = typer.Option(1.5, min=0, help="Times the champion's bytes."),
) -> None:
    """Compare a candidate with the champion; exit code 1 if it is worse than tolerated.

    Rankers are judged on exposures, the synthetic world's if none are given; session models, which
    have an index, on a log of sessions: --set LOG --format F.
    """
    from models.evaluation.gate import Tolerances
    from models.evaluation.gate_files import gate_files, measure_folder
    from models.evaluation.gate_files import record as keep
    from service.core.errors import Refused

    tolerances = Tolerances(
        loss_nats=loss_nats,
        order=order,
        hits=hits,
        ece=ece,
        latency_ratio=latency_ratio,
        size_ratio=size_ratio,
    )
    try:
        if log_format:
            verdict = _of_sessions(candidate, champion, exposures, log_format, tolerances)
        else:
            exposed = _exposures(exposures)
            if save_set:
                exposed.save(save_set)
            if record:
                keep(measure_folder(candidate, exposed).quality, record)
            if champion is None:
                return _without_champion(record or save_set)
            verdict = gate_files(candidate, champion, exposed, tolerances)
    except (Refused, ValueError) as error:
        typer.echo(f"segue evaluate gate: {error}", err=True)
        raise typer.Exit(1) from None
    _conclude(verdict, str(exposures) if exposures else SIMULATED, out)


def _of_sessions(
    candidate: Path,
    champion: Path | None,
    log: Path | None,
    log_format: str,
    tolerances: "Tolerances",
) -> "Verdict":
    from models.evaluation.session_gate import gate_sessions

    if champion is None or log is None:
        raise typer.BadParameter("session models need a champion's folder and --set LOG")
    return gate_sessions(candidate, champion, (log, log_format), tolerances)


def _conclude(verdict: "Verdict", source: str, out: Path) -> None:
    """Write, print, and leave with the verdict's exit code."""
    from orjson import OPT_INDENT_2, dumps

    report = {**verdict.report(), "set": source}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(dumps(report, option=OPT_INDENT_2))
    _tell(verdict)
    typer.echo(dumps(report).decode())
    raise typer.Exit(0 if verdict.passed else 1)


def _exposures(path: Path | None) -> "ExposureSet":
    from models.evaluation.exposures import ExposureSet

    if path is not None:
        return ExposureSet.load(path)
    from loadtest.world.gate_set import gate_set, gate_world

    return gate_set(gate_world())


def _without_champion(written: Path | None) -> None:
    if written is None:
        raise typer.BadParameter("name a champion, or write something with --record or --save-set")
    typer.echo(f"written to {written}")


def _tell(verdict: "Verdict") -> None:
    for name, found in verdict.evidence["quality"].items():
        span = f"{found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"
        typer.echo(f"{name:16}{span}", err=True)
    for head, found in verdict.evidence["ece"].items():
        typer.echo(
            f"ece_{head:12}{found['candidate']:.4f} against {found['champion']:.4f}", err=True
        )
    for reason in verdict.reasons:
        typer.echo(f"FAILED  {reason}", err=True)
    says = "may replace" if verdict.passed else "must not replace"
    typer.echo(f"{verdict.candidate} {says} {verdict.champion}", err=True)
