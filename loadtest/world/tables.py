"""The report of `segue evaluate world` as tables; each says that it is simulated."""

from collections.abc import Iterator, Mapping
from typing import Any

Report = Mapping[str, Any]
NAME = 14
CELL = 26


def tables(report: Report) -> Iterator[str]:
    """Line by line."""
    yield from _grid("what listeners did, 95 % over listeners", report["arms"])
    yield from _grid("regret: 0 the oracle, 1 chance", report["regret"])
    yield from _grid("segue less each other arm, paired", report["lead_of_segue"])
    yield from _grid("what of the catalogue was served", report["coverage"])
    for switch, arms in report["recovery"].items():
        rows = {arm: _recovery_row(each) for arm, each in arms.items()}
        never = next(iter(arms.values()))["never"]
        yield from _grid(f"plays to recover from another {switch}; {never} is never", rows)
    yield from calibration_table(report["calibration"])
    yield from _placebos(report["placebos"])


def _grid(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"simulated: {title}"
    yield f"{'':{NAME}}" + "".join(f"{name:>{CELL}}" for name in next(iter(rows.values())))
    for name, row in rows.items():
        yield f"{name:{NAME}}" + "".join(f"{_cell(value):>{CELL}}" for value in row.values())


def _recovery_row(recovered: Report) -> dict[str, Any]:
    plays = {f"plays ({name})": value for name, value in recovered["plays"].items()}
    return plays | {f"lost {name}": value for name, value in recovered["lost"].items()}


def calibration_table(by_type: Report) -> Iterator[str]:
    """Error, interval and floor by content type and head."""
    if not by_type:
        return
    yield ""
    yield "simulated: calibration error on its own slates; the floor is what chance alone makes"
    yield f"{'':{NAME}}{'head':10}{'ECE, 95 %':>{CELL}}{'floor':>8}{'plays':>8}"
    for kind, heads in by_type.items():
        for head, row in heads.items():
            error = _cell({"mean": row["ece"], "low": row["low"], "high": row["high"]})
            yield f"{kind:{NAME}}{head:10}{error:>{CELL}}{row['floor']:8.3f}{row['n']:8}"


def _placebos(placebos: Mapping[str, Report]) -> Iterator[str]:
    yield ""
    yield "simulated: placebos, which must be quiet; 95 % over all of them"
    for name, placebo in placebos.items():
        shown = ", ".join(f"{k} {_cell(v)}" for k, v in placebo["differences"].items())
        yield f"{placebo['verdict']:6}{name:34}{shown}"


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def cold_table(report: Report) -> Iterator[str]:
    """Held-out items, placed in several ways."""
    for kind, estimates in report.items():
        yield from _grid(f"{kind} without a play, placed by", estimates)
