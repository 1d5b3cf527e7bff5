"""Curves as PNG files, drawn without a display."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIZE_INCHES: Final = (8.0, 4.5)
DOTS_PER_INCH: Final = 110


@dataclass(frozen=True)
class Curves:
    """Several lines over the same places. A value that is None leaves a gap."""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float | str]
    lines: Mapping[str, Sequence[float | None]]


def draw(curves: Curves, path: Path) -> None:
    """Write one PNG file."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second that reports do without

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="tight")
    axes = figure.subplots()
    places = range(len(curves.x))
    for name, values in curves.lines.items():
        known = [float("nan") if value is None else value for value in values]
        axes.plot(places, known, marker="o", markersize=3, label=name)
    axes.set_xticks(list(places), [str(place) for place in curves.x])
    axes.set(title=curves.title, xlabel=curves.x_label, ylabel=curves.y_label)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
