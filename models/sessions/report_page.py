"""The standing report: stages of each log side by side, and what a stale event costs, as a page.

Reads what `segue evaluate sessions --json` printed; writes `index.html` and the curves as PNG.
"""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from models.evaluation.plots import Curves, draw
from models.sessions.lag import WITHHELD

COLUMNS: Final = ("hr@10", "mrr@10", "ndcg@10", "hr@20", "mrr@20", "ndcg@20")
CURVED: Final = ("hr@20", "mrr@20")
STYLE: Final = (
    "body{font:15px system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .7rem;text-align:right}"
    "th:first-child,td:first-child{text-align:left}tr{border-bottom:1px solid #ddd}"
    "img{max-width:100%}"
)
Reports = Mapping[str, Mapping[str, Any]]


def read_reports(named: list[str]) -> dict[str, dict[str, Any]]:
    """`name=FILE` each: the last line of the file is the report.

    Raises:
        ValueError: Not of that form, or no such report; the message says which.
    """
    reports = {}
    for one in named:
        name, equals, path = one.partition("=")
        if not (name and equals and path):
            raise ValueError(f"{one!r} is not NAME=FILE; for example nowplaying=report.json")
        reports[name] = _report(Path(path))
    return reports


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text().strip().rpartition("\n")[2])
        missing = {"stages", "lag", "intervals", "recall"} - report.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: {error}; give what `segue evaluate sessions --json` printed"
        ) from error
    if missing:
        raise ValueError(f"{path} lacks {sorted(missing)}; run `segue evaluate sessions` again")
    return dict(report)


def write_page(reports: Reports, out: Path) -> Path:
    """Write the page and its plots into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for key in CURVED:
        draw(lag_curves(reports, key), out / _plot(key))
    page = out / "index.html"
    page.write_text(page_of(reports))
    return page


def lag_curves(reports: Reports, key: str) -> Curves:
    """One metric of every log, against how many of the newest events are withheld."""
    return Curves(
        title=f"{key.upper()} when the newest events are not known yet",
        x_label="newest events withheld",
        y_label=key.upper(),
        x=[name.removesuffix(" withheld") for name in WITHHELD],
        lines={
            name: [report["lag"][lag].get(key) for lag in WITHHELD]
            for name, report in reports.items()
        },
    )


def page_of(reports: Reports) -> str:
    """The whole page."""
    body = [_of_log(name, report) for name, report in reports.items()]
    plots = [f'<img src="{_plot(key)}" alt="{key} against lag">' for key in CURVED]
    return (
        f"<!doctype html><meta charset=utf-8><title>Session recommender</title><style>{STYLE}"
        "</style><h1>Session recommender</h1><p>Every prefix of every later session is a"
        " prediction, ranked among all items, ties against the model. In percent.</p>"
        f"<h2>What a stale event costs</h2>{''.join(plots)}{''.join(body)}"
    )


def _plot(key: str) -> str:
    return f"lag_{key.replace('@', '_at_')}.png"


def _of_log(name: str, report: Mapping[str, Any]) -> str:
    low, high = report["intervals"]["hr@20"]
    said = (
        f"<p>{report['predictions']} predictions, {report['unreachable']} of them of items that"
        f" training never saw. HR@20 of the ranked {100 * report['hr@20']:.2f} (95 % by session"
        f" {100 * low:.2f} to {100 * high:.2f}). {escape(_origin(report))}</p>"
    )
    parts = {kind: report[kind] for kind in report if kind.startswith("by_")}
    recall = {source: row for source, row in report["recall"].items() if source[:3] != "by_"}
    return "".join(
        [
            f"<h2>{escape(name)}</h2>{said}",
            _table("stage", report["stages"], COLUMNS),
            _table("recall of", recall, tuple(next(iter(recall.values())))),
            _table("lag", report["lag"], COLUMNS),
            *(_table(kind.replace("_", " "), rows, COLUMNS) for kind, rows in parts.items()),
        ]
    )


def _origin(report: Mapping[str, Any]) -> str:
    if "model" in report:
        return f"The folder {Path(report['model']).name}, as a worker runs it."
    rest = ("judging", "trees")
    trained_s = sum(s for part, s in report["seconds"].items() if part not in rest)
    return f"Trained in {trained_s:.0f} s, seed {report['seed']}."


def _table(of: str, rows: Mapping[str, Mapping[str, float]], columns: tuple[str, ...]) -> str:
    head = "".join(f"<th>{column}" for column in columns)
    lines = [
        f"<tr><td>{escape(name)}"
        + "".join(f"<td>{100 * row[c]:.2f}" if c in row else "<td>" for c in columns)
        for name, row in rows.items()
    ]
    return f"<table><tr><th>{escape(of)}{head}{''.join(lines)}</table>"
