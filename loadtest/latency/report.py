"""What a latency check found, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from loadtest.latency.measure import Measurement
from loadtest.latency.plan import SYSTEMS

RATIO_MAX: Final = 3.0
"""The objective: event to slate at p99 takes at most this many times the echo's."""
_COLUMNS: Final = ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")


@dataclass(frozen=True)
class Verdict:
    """The figures and whether they keep the objective."""

    figures: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Every event answered, and the ratio kept."""
        lost = sum(self.figures[system]["lost"] for system in SYSTEMS)
        ratio: float = self.figures["ratio_p99"]
        return lost == 0 and 0 < ratio <= RATIO_MAX

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return {**self.figures, "ratio_max": RATIO_MAX, "passed": self.passed}


def judge(measurement: Measurement, *, conditions: Mapping[str, Any]) -> Verdict:
    """Make the verdict. `conditions` say where and how it was measured."""
    sides: dict[str, Any] = {
        system: {"sent": side.sent, "lost": side.lost, **side.latencies.summary()}
        for system, side in measurement.sides.items()
    }
    echo_p99 = measurement.sides["echo"].latencies.at_ms(99)
    segue_p99 = measurement.sides["segue"].latencies.at_ms(99)
    stages = measurement.sides["segue"].stages.figures
    return Verdict(
        {
            **conditions,
            "rate_per_s": measurement.rate,
            **sides,
            "stages": {stage: figure.summary() for stage, figure in stages.items()},
            "generator_late_p99_ms": round(measurement.lateness.at_ms(99), 3),
            "ratio_p99": round(segue_p99 / echo_p99, 2) if echo_p99 else 0.0,
        }
    )


def lines(verdict: Verdict) -> list[str]:
    """Return the report as people read it."""
    figures = verdict.figures
    head = f"{'':10}{'events':>8}{'lost':>6}" + "".join(f"{name:>10}" for name in _COLUMNS)
    rows = [
        f"{system:10}{figures[system]['sent']:8}{figures[system]['lost']:6}{_row(figures[system])}"
        for system in SYSTEMS
    ]
    parts = [
        f"  {stage:22}{_row(summary)}"
        for stage, summary in figures["stages"].items()
        if stage != "total"
    ]
    judged = "kept" if verdict.passed else "NOT kept"
    return [
        head,
        *rows,
        "of segue:",
        *parts,
        f"the generator itself was at most {figures['generator_late_p99_ms']} ms late (p99)",
        f"p99 is {figures['ratio_p99']} times the echo's, at most {RATIO_MAX:g} allowed: {judged}",
    ]


def _row(summary: Mapping[str, float]) -> str:
    return "".join(f"{summary[name]:10.2f}" for name in _COLUMNS)
