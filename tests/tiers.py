"""Run the test tiers in order, count what ran, and end with one verdict.

    lint > core > contract > integration > browser

A tier that cannot run here says why; one that ran no test has failed, because it proves nothing.
The last line is `N passed, N failed`, with `, N skipped` when there were any.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

ROOT: Final = Path(__file__).resolve().parent.parent
IN_CI: Final = os.environ.get("CI", "").lower() in {"1", "true"}
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
_NO_TESTS_COLLECTED: Final = 5


@dataclass(frozen=True, slots=True)
class Count:
    """What happened in a tier."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        """Add tier to tier."""
        return Count(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        """Render as the verdict's form."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier: how it runs, and why it may not run here."""

    name: str
    run: Callable[[bool], Count]
    why_not: Callable[[], str | None]


def lint(_fast: bool) -> Count:
    """Run the linters; each is one check."""
    binaries = Path(sys.executable).parent
    checks: tuple[tuple[str, ...], ...] = (
        ("ruff", "check", "--quiet"),
        ("ruff", "format", "--check", "--quiet"),
        ("mypy",),
        ("lint-imports",),
    )
    failed = 0
    for program, *arguments in checks:
        code = subprocess.run([binaries / program, *arguments], cwd=ROOT, check=False).returncode
        print(f"  {'ok    ' if code == 0 else 'FAILED'}  {' '.join((program, *arguments))}")
        failed += code != 0
    return Count(passed=len(checks) - failed, failed=failed)


def pytest_tier(*folders: str) -> Callable[[bool], Count]:
    """Make the run of a tier that is one or more folders of tests."""

    def run(fast: bool) -> Count:
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
            command += [f"tests/{folder}" for folder in folders]
            if fast:
                command += ["--hypothesis-profile=fast", "-m", "not slow"]
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            return judged(read_report(report), code)

    return run


def read_report(report: Path) -> Count:
    """Count the results in a JUnit file; an error in set-up is a failure."""
    if not report.exists():
        return Count()
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total = sum(int(suite.get("tests", 0)) for suite in suites)
    bad = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors"))
    skipped = sum(int(suite.get("skipped", 0)) for suite in suites)
    return Count(passed=max(0, total - bad - skipped), failed=bad, skipped=skipped)


def judged(count: Count, exit_code: int) -> Count:
    """Make sure that a bad end counts as a failure even when no test reported one."""
    if exit_code not in (0, _NO_TESTS_COLLECTED) and count.failed == 0:
        return count + Count(failed=1)
    return count


def always() -> str | None:
    """Return no reason: the tier runs everywhere."""
    return None


def why_no_browser() -> str | None:
    """Return why the browser tier cannot run, or None if it can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    if not any(shutil.which(name) for name in CHROMIUM):
        return "no chromium on PATH (Debian: `apt-get install chromium`)"
    return None


TIERS: Final = (
    Tier("lint", lint, always),
    Tier("core", pytest_tier("unit", "golden"), always),
    Tier("contract", pytest_tier("contract"), always),
    Tier("integration", pytest_tier("integration"), always),
    Tier("browser", pytest_tier("browser"), why_no_browser),
)
FAST: Final = ("lint", "core")


def run_tier(tier: Tier, fast: bool) -> tuple[Count, str]:
    """Run one tier; return its count and its line for the summary."""
    reason = tier.why_not()
    if reason is not None and not IN_CI:
        return Count(skipped=1), f"{tier.name:12} skipped: {reason}"
    print(f"\n=== {tier.name} ===", flush=True)
    started = time.monotonic()
    count = tier.run(fast)
    took = f"{time.monotonic() - started:.1f} s"
    if count.passed + count.failed == 0:
        why = reason or "a tier without a test that ran proves nothing"
        return count + Count(failed=1), f"{tier.name:12} FAILED: no test ran: {why}   {took}"
    return count, f"{tier.name:12} {count}   {took}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tiers that were asked for; return the exit code."""
    names = [tier.name for tier in TIERS]
    parser = argparse.ArgumentParser(prog="python3 -m tests", description="Run Segue's tests.")
    parser.add_argument("--fast", action="store_true", help="lint and core, without slow tests")
    parser.add_argument("tier", nargs="*", help=f"tiers to run, of: {', '.join(names)}")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.tier if name not in names]
    if unknown:
        parser.error(f"no tier {unknown[0]}: there are {', '.join(names)}")
    chosen = asked.tier or (FAST if asked.fast else names)
    return report([run_tier(tier, asked.fast) for tier in TIERS if tier.name in chosen])


def report(results: list[tuple[Count, str]]) -> int:
    """Print a line for each tier and the verdict; return the exit code."""
    print("\n=== tiers ===")
    total = Count()
    for count, line in results:
        print(line)
        total += count
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
