"""Off-policy estimates: by hand, against a known truth, and refused where nothing can be said."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.evaluation.off_policy import check, estimate, weights_of
from models.evaluation.policy_log import PolicyLog, Row, policy_log, read_policy_log
from models.evaluation.policy_report import Drawing, evaluate_policy, target_of
from models.evaluation.reward_model import cross_fitted_rewards
from service.core.errors import Refused

ITEMS = 4
TRUE = np.array([[0.9, 0.5, 0.2, 0.1], [0.1, 0.2, 0.6, 0.8]])
"""Mean reward of each item in two kinds of context."""
TARGET = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]])


def row(context: str, chosen: int, reward: float, **more: object) -> Row:
    told = {"items": ["a", "b"], "propensity": 0.5, "target": [0.25, 0.75], **more}
    return msgspec.convert({"context": context, "chosen": chosen, "reward": reward, **told}, Row)


def bandit(seed: int, contexts: int = 300, *, features: bool = False) -> PolicyLog:
    """Contexts of two kinds, each a listener of its own; items drawn more or less evenly."""
    draws = np.random.default_rng(seed)
    rows = []
    for number in range(contexts):
        kind = int(draws.integers(2))
        chances = np.array([0.4, 0.3, 0.2, 0.1])
        chosen = int(draws.choice(ITEMS, p=chances))
        rows.append(
            Row(
                context=str(number),
                items=list("abcd"),
                chosen=chosen,
                propensity=float(chances[chosen]),
                propensities=chances.tolist(),
                reward=float(draws.random() < TRUE[kind, chosen]),
                target=TARGET[kind].tolist(),
                session=[float(kind)] if features else None,
                candidates=np.eye(ITEMS).tolist() if features else None,
            )
        )
    return policy_log(rows)


def value_of_target() -> float:
    return float((TRUE * TARGET).sum(axis=1).mean())


def target(log: PolicyLog) -> np.ndarray:
    return target_of(log, None, Drawing())


def test_every_estimator_equals_the_sum_done_by_hand() -> None:
    log = policy_log([row("1", 0, 1.0), row("2", 1, 0.0), row("3", 1, 1.0), row("4", 0, 0.0)])
    # w = .5, 1.5, 1.5, .5; q is .5 for a and .25 for b
    found = estimate(log, target(log), np.tile([0.5, 0.25], 4))
    assert found["ips"].value == pytest.approx((0.5 + 1.5) / 4)
    assert found["snips"].value == pytest.approx((0.5 + 1.5) / 4.0)
    modelled = 0.25 * 0.5 + 0.75 * 0.25
    robust = [
        modelled + w * (r - q)
        for w, r, q in ((0.5, 1, 0.5), (1.5, 0, 0.25), (1.5, 1, 0.25), (0.5, 0, 0.5))
    ]
    assert found["dr"].value == pytest.approx(np.mean(robust))
    assert found["logged"].value == 0.5
    assert found["gain"].value == pytest.approx(np.mean(robust) - 0.5)


def test_snips_divides_by_the_weights_and_not_by_the_contexts() -> None:
    log = policy_log([row("1", 1, 1.0), row("2", 1, 0.5), row("3", 1, 0.0)])
    found = estimate(log, target(log), np.zeros(6))
    assert found["ips"].value == pytest.approx(0.75)  # w = 1.5 each
    assert found["snips"].value == pytest.approx(0.5)


def test_the_effective_sample_size_is_kishs() -> None:
    log = policy_log([row("1", 0, 1.0), row("2", 1, 0.0), row("3", 1, 1.0)])
    weights = weights_of(log, target(log))
    assert weights.effective == pytest.approx(3.5**2 / (0.25 + 2.25 + 2.25))
    assert weights.largest == 1.5
    assert weights.mean == pytest.approx(3.5 / 3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    logs = [bandit(seed) for seed in range(60)]
    found = [estimate(log, target(log), cross_fitted_rewards(log)) for log in logs]
    for name in ("ips", "snips", "dr"):
        inside = [one[name].low <= value_of_target() <= one[name].high for one in found]
        assert 0.85 <= np.mean(inside) <= 1.0, name
        assert np.mean([one[name].value for one in found]) == pytest.approx(
            value_of_target(), abs=0.02
        )


def test_a_model_of_the_reward_makes_the_interval_narrower() -> None:
    log = bandit(3, 1500, features=True)
    found = estimate(log, target(log), cross_fitted_rewards(log))
    assert found["dr"].low <= value_of_target() <= found["dr"].high
    assert found["dr"].high - found["dr"].low < 0.75 * (found["ips"].high - found["ips"].low)


def test_the_reward_model_never_saw_the_listener_that_it_is_asked_about() -> None:
    # Two listeners; one always rewards, one never: what is said of each rests on the other alone.
    rows = [row(str(n), 0, float(n < 5), listener="ab"[n // 5]) for n in range(10)]
    found = cross_fitted_rewards(policy_log(rows))
    assert found[::2][:5] == pytest.approx(0.0)
    assert found[::2][5:] == pytest.approx(1.0)


def refusal(path: Path, rows: Sequence[Row]) -> str:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
    with pytest.raises(Refused) as error:
        evaluate_policy(read_policy_log(path), None, Drawing(), ess_min=1)
    return str(error.value)


def test_what_cannot_be_judged_is_refused_with_the_row_and_what_would_help(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.jsonl"
    fine = row("ok", 0, 1.0)
    assert "row 2, context 'x': propensity is None" in refusal(
        log, [fine, row("x", 0, 1.0, propensity=None)]
    )
    assert "propensity is 0.0" in refusal(log, [row("x", 0, 1.0, propensity=0.0)])
    assert "there are 2 items" in refusal(log, [row("x", 2, 1.0)])
    assert "add up to 0.9000" in refusal(log, [row("x", 0, 1.0, target=[0.4, 0.5])])
    unseen = refusal(log, [row("x", 0, 1.0, propensities=[1.0, 0.0])])
    assert "no support: the target shows items with probability 0.750" in unseen
    assert "no target" in refusal(log, [row("x", 0, 1.0, target=None)])
    log.write_bytes(msgspec.json.encode(fine) + b"\n{broken\n")
    with pytest.raises(Refused, match=r"log\.jsonl: row 2: JSON is malformed"):
        read_policy_log(log)
    with pytest.raises(Refused, match="no log at"):
        read_policy_log(tmp_path / "none.jsonl")


def test_too_little_evidence_is_refused() -> None:
    log = bandit(1, 60)
    with pytest.raises(Refused, match=r"effective sample size 2\d of 60 contexts, 100 are needed"):
        check(weights_of(log, target(log)))
    check(weights_of(log, target(log)), ess_min=15)


def test_propensities_that_are_not_those_of_the_draws_are_found_out() -> None:
    log = bandit(1, 900)
    wrong = weights_of(log, target(log)).of_context / 2  # as if each had been twice as likely
    with pytest.raises(Refused, match=r"mean is 0\.5"):
        check(type(weights_of(log, target(log)))(wrong))


def test_parquet_says_the_same_as_lines(tmp_path: Path) -> None:
    rows = [row("1", 0, 1.0), row("2", 1, 0.0, listener="u")]
    lines, table = tmp_path / "log.jsonl", tmp_path / "log.parquet"
    lines.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    pl.DataFrame([msgspec.to_builtins(one) for one in rows]).write_parquet(table)
    one, other = read_policy_log(lines), read_policy_log(table)
    assert (one.reward == other.reward).all()
    assert one.target is not None
    assert other.target is not None
    assert (one.target == other.target).all()


def test_a_softmax_of_scores_adds_up_to_one_whatever_the_scores() -> None:
    log = policy_log([row("1", 0, 1.0, target=None, scores=[900.0, 900.0 + float(np.log(3))])])
    found = target_of(log, None, Drawing(temperature=1.0, explore=0.2))
    assert found == pytest.approx([0.8 * 0.25 + 0.1, 0.8 * 0.75 + 0.1])


def test_the_command_estimates_or_refuses_with_exit_code_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    draws = np.random.default_rng(0)
    rows = [row(str(n), int(draws.integers(2)), float(n % 3 == 0)) for n in range(200)]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
    done = CliRunner().invoke(evaluate, ["policy", str(path), "--json"])
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["contexts"] == 200
    assert told["snips"]["low"] < told["snips"]["value"] < told["snips"]["high"]
    assert told["simulated"] is False
    refused = CliRunner().invoke(evaluate, ["policy", str(path), "--ess-min", "190", "--json"])
    assert refused.exit_code == 1
    assert "190 are needed" in json.loads(refused.stdout)["refused"]
