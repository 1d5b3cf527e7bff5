"""The verdict of the tiers."""

from pathlib import Path

import pytest

from tests import tiers
from tests.tiers import Count, Tier, judged, read_report, report, run_tier

JUNIT = """<?xml version="1.0"?><testsuites>
<testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"/></testsuites>"""


def _tier(count: Count, reason: str | None = None) -> Tier:
    return Tier("some", lambda _: count, lambda: reason)


def test_a_report_is_counted_with_errors_as_failures(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(JUNIT)
    assert read_report(tmp_path / "report.xml") == Count(passed=4, failed=3, skipped=3)


def test_a_crash_without_a_report_is_a_failure(tmp_path: Path) -> None:
    assert judged(read_report(tmp_path / "gone.xml"), exit_code=3) == Count(failed=1)


def test_a_tier_that_ran_no_test_has_failed() -> None:
    count, line = run_tier(_tier(Count(skipped=2)), fast=False)
    assert count.failed == 1
    assert "no test ran" in line


def test_a_tier_that_cannot_run_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "IN_CI", False)
    count, line = run_tier(_tier(Count(passed=1), "no chromium"), fast=False)
    assert count == Count(skipped=1)
    assert line.endswith("skipped: no chromium")


def test_in_ci_no_tier_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "IN_CI", True)
    count, line = run_tier(_tier(Count(), "no chromium"), fast=False)
    assert count.failed == 1
    assert "no chromium" in line


@pytest.mark.parametrize(
    ("counts", "verdict", "code"),
    [
        ([Count(passed=2), Count(passed=3)], "5 passed, 0 failed", 0),
        ([Count(passed=2), Count(failed=1)], "2 passed, 1 failed", 1),
        ([Count(passed=2, skipped=4)], "2 passed, 0 failed, 4 skipped", 0),
    ],
)
def test_the_last_line_is_the_verdict(
    capsys: pytest.CaptureFixture[str], counts: list[Count], verdict: str, code: int
) -> None:
    assert report([(count, "") for count in counts]) == code
    assert capsys.readouterr().out.splitlines()[-1] == verdict
