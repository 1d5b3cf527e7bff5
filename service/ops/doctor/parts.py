"""Checks of what a worker loads at start: the ranker and the catalogue."""

from collections.abc import Iterator

from service.adapters.catalog import read_catalog
from service.core.errors import Refused
from service.ops.doctor.check import Check
from service.settings import Settings


def part_checks(settings: Settings) -> Iterator[Check]:
    """Load each as a worker would: the same refusals, in the same words."""
    yield _model(settings)
    yield _catalogue(settings)


def _model(settings: Settings) -> Check:
    from service.adapters.onnx import OnnxScorer  # noqa: PLC0415  the slowest import there is

    try:
        model = OnnxScorer.load(settings.model.path).model
    except Refused as error:
        return Check("model", "fail", str(error), "see SEGUE_MODEL__PATH")
    found = f"{model.name} {model.version}; hash and feature schema agree"
    return Check("model", "ok", found)


def _catalogue(settings: Settings) -> Check:
    try:
        catalog = read_catalog(settings.catalog.path)
    except Refused as error:
        fix = "build one with `segue catalog build`, or set SEGUE_CATALOG__PATH"
        return Check("catalogue", "fail", str(error), fix)
    table = catalog.table
    return Check("catalogue", "ok", f"{table.name}: {len(table)} items")
