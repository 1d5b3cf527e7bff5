"""Where a result came from: inputs with their hashes, code, parameters, outputs.

Written as an OpenLineage RunEvent, so that any catalogue of data reads it. Names of files are kept,
never the folders of the machine they lay on.
"""

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
import polars as pl
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import BaseFacet, JobFacet, RunFacet, set_producer
from openlineage.client.facet_v2 import source_code_location_job as location
from openlineage.client.serde import Serde

PRODUCER: Final = "https://openlineage.io/producers/segue"
NAMESPACE: Final = "segue"
FILE: Final = "lineage.json"
_ROOT: Final = Path(__file__).resolve().parents[2]
_BLOCK_BYTES: Final = 1 << 20


def lineage_of(
    command: str,
    *,
    inputs: Iterable[Path],
    outputs: Iterable[Path],
    params: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the record of a finished run, as OpenLineage's JSON.

    Args:
        command: What ran, `data sessions`.
        inputs: Files read; a folder stands for the files in it.
        outputs: Files written.
        params: What decided the result beside its inputs (seed, recipe, format).
        facts: What was counted on the way (rows, dead records, time span).
    """
    set_producer(PRODUCER)
    read, written = [_dataset(path) for path in _files(inputs)], [*_files(outputs)]
    run = uuid5(NAMESPACE_URL, msgspec.json.encode([command, read, dict(params)]).decode())
    event = RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer=PRODUCER,
        run=Run(str(run), facets=_run_facets(params, facts or {})),
        job=Job(NAMESPACE, command, facets=_code_facets()),
        eventType=RunState.COMPLETE,
        inputs=[InputDataset(NAMESPACE, name, facets=_facts(fact)) for name, fact in read],
        outputs=[
            OutputDataset(NAMESPACE, name, facets=_facts(fact))
            for name, fact in map(_dataset, written)
        ],
    )
    told: dict[str, Any] = msgspec.json.decode(Serde.to_json(event))
    return told


def write_lineage(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write the record beside an output."""
    path = folder / FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return path


def input_hashes(record: Mapping[str, Any]) -> set[str]:
    """The sha256 of every input of a record."""
    facets = [one.get("facets", {}).get("segue_file", {}) for one in record.get("inputs", ())]
    return {facet["sha256"] for facet in facets if "sha256" in facet}


def sha256_of(path: Path) -> str:
    """Hash a file, a block at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def code_version() -> dict[str, Any]:
    """The commit and whether files differ from it; without git, the package's version alone."""
    try:
        package = version("segue")
    except PackageNotFoundError:
        package = "unknown"
    commit = _git("rev-parse", "HEAD")
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return {"package": package} | ({"commit": commit, "dirty": dirty} if commit else {})


def _git(*arguments: str) -> str:
    try:
        told = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.decode().strip() if told.returncode == 0 else ""


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in inside if file.is_file() and file.name != FILE]
    return found


def _dataset(path: Path) -> tuple[str, dict[str, Any]]:
    fact: dict[str, Any] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    if path.suffix == ".parquet":
        fact |= _parquet_facts(path)
    return path.name, fact


def _parquet_facts(path: Path) -> dict[str, Any]:
    """Rows, and the first and last moment where there is a column of time."""
    scan = pl.scan_parquet(path)
    columns = scan.collect_schema().names()
    facts: dict[str, Any] = {"rows": scan.select(pl.len()).collect().item()}
    for column, unit_ms in (("at_ms", 1), ("timestamp_ms", 1), ("ts", 1000)):
        if column in columns:
            span = scan.select(low=pl.col(column).min(), high=pl.col(column).max()).collect().row(0)
            if None not in span:
                facts |= {"begin_ms": span[0] * unit_ms, "end_ms": span[1] * unit_ms}
            break
    return facts


def _facet(base: type[Any], name: str, fact: Mapping[str, Any]) -> Any:
    """A facet of our own: OpenLineage wants a class for each, with its schema's address."""
    import attr  # noqa: PLC0415

    made = attr.make_class(name, {key: attr.ib(default=None) for key in fact}, bases=(base,))
    return made(**fact)


def _facts(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {"segue_file": _facet(BaseFacet, "SegueFile", fact)}


def _run_facets(params: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, RunFacet]:
    found = {"segue_parameters": params, "segue_facts": facts, "segue_code": code_version()}
    return {
        name: _facet(RunFacet, "SegueRun", {"said": dict(fact)}) for name, fact in found.items()
    }


def _code_facets() -> dict[str, JobFacet]:
    code = code_version()
    if "commit" not in code:
        return {}
    return {
        "sourceCodeLocation": location.SourceCodeLocationJobFacet(
            type="git", url=PRODUCER, version=code["commit"]
        )
    }
