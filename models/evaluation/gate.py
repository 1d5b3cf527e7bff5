"""Fork, evaluate, merge: may a candidate take the champion's place?

It may if it is shown not to be worse by more than the tolerances, listener by listener on a fixed
set of exposures: better is not asked for. A candidate whose interval reaches below the tolerance is
refused too, and told that this set does not show it to be as good.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from models.evaluation.head_quality import HeadQuality
from models.evaluation.intervals import Interval, ratio_difference, resamples
from service.core.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """How much worse a candidate may be; models/LOG.md, "The gate", says where they come from."""

    loss_nats: float = 0.005
    order: float = 0.005
    hits: float = 0.01
    ece: float = 0.01
    latency_ratio: float = 1.25
    size_ratio: float = 1.5


@dataclass(frozen=True)
class Verdict:
    """What the gate says; passed if there are no reasons against."""

    candidate: str
    champion: str
    reasons: tuple[str, ...]
    evidence: dict[str, Any]
    tolerances: dict[str, float]

    @property
    def passed(self) -> bool:
        """Nothing speaks against it."""
        return not self.reasons

    def report(self) -> dict[str, Any]:
        """As JSON."""
        return {"passed": self.passed, **asdict(self)}


def judge(
    candidate: HeadQuality,
    champion: HeadQuality,
    latency: dict[str, Any] | None,
    tolerances: Tolerances,
    *,
    seed: int = 0,
) -> Verdict:
    """Compare both on the set that both were measured on.

    Raises:
        Refused: They were measured on different exposures.
    """
    if candidate.set_digest != champion.set_digest:
        raise Refused(
            f"{candidate.version} was measured on exposures {candidate.set_digest[:12]},"
            f" {champion.version} on {champion.set_digest[:12]}: give both folders, or record the"
            " champion again with `segue evaluate gate --record`"
        )
    quality = _differences(candidate, champion, seed=seed)
    evidence = {
        "quality": {name: difference.figures() for name, difference in quality.items()},
        "ece": _calibration(candidate, champion),
        "latency": latency,
        "bytes": {"candidate": candidate.bytes, "champion": champion.bytes},
        "listeners": len(candidate.size),
        "exposures": int(candidate.size.sum()),
    }
    worse = list(_worse(quality, tolerances))
    return report_difference(candidate.version, champion.version, worse, evidence, tolerances)


def report_difference(
    candidate: str,
    champion: str,
    worse: list[str],
    evidence: dict[str, Any],
    tolerances: Tolerances,
) -> Verdict:
    """The verdict on what was found; `worse` are the reasons in quality."""
    reasons = (*worse, *_dearer(evidence, tolerances))
    return Verdict(candidate, champion, reasons, evidence, asdict(tolerances))


def _differences(
    candidate: HeadQuality, champion: HeadQuality, *, seed: int
) -> dict[str, Interval]:
    """Candidate minus champion: loss by head (less is better), order (more is better)."""
    times = resamples(len(candidate.size), seed=seed)
    found = {
        f"loss_{head}": ratio_difference(
            (candidate.loss[:, at], candidate.size), (champion.loss[:, at], champion.size), times
        )
        for at, head in enumerate(candidate.heads)
    }
    mine, other = (candidate.right, candidate.pairs), (champion.right, champion.pairs)
    return {**found, "order": ratio_difference(mine, other, times)}


def _calibration(candidate: HeadQuality, champion: HeadQuality) -> dict[str, dict[str, float]]:
    return {
        head: {
            "candidate": round(float(candidate.ece[at]), 4),
            "champion": round(float(champion.ece[at]), 4),
            "floor": round(float(candidate.ece_floor[at]), 4),
        }
        for at, head in enumerate(candidate.heads)
    }


def _worse(quality: dict[str, Interval], tolerances: Tolerances) -> Iterator[str]:
    for name, found in quality.items():
        is_loss = name.startswith("loss_")
        allowed = tolerances.loss_nats if is_loss else tolerances.order
        worst = found.high if is_loss else -found.low
        if worst > allowed:
            surely = (found.low if is_loss else -found.high) > 0
            what = "worse" if surely else "not shown to be as good"
            span = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
            yield f"{name} is {what}: {span}, {allowed:g} is tolerated"


def _dearer(evidence: dict[str, Any], tolerances: Tolerances) -> Iterator[str]:
    for head, found in evidence["ece"].items():
        allowed = min(tolerances.ece, found.get("rate", 1.0) / 2)  # a rare outcome: half its rate
        if found["candidate"] - found["champion"] > allowed:
            yield (
                f"calibration of {head} is worse: ECE {found['candidate']:.4f} against"
                f" {found['champion']:.4f}, {allowed:.2g} more is tolerated"
            )
    latency = evidence["latency"]
    if latency and latency["ratio"] > tolerances.latency_ratio:
        yield (
            f"slower: {latency['candidate_us']} us a batch against {latency['champion_us']},"
            f" {tolerances.latency_ratio:g} times is tolerated"
        )
    mine, other = evidence["bytes"]["candidate"], evidence["bytes"]["champion"]
    if mine > tolerances.size_ratio * other:
        yield f"larger: {mine} bytes against {other}, {tolerances.size_ratio:g} times is tolerated"
