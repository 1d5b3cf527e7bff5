"""What differs between two versions: metrics, features, heads, size, lineage."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from obstore.store import ObjectStore

from models.registry.figures import flatten
from models.registry.listing import read_document, sizes_of
from service.adapters.model_registry import ModelRegistry
from service.core.errors import Refused
from service.core.manifest import MANIFEST, SIGNATURE, Manifest

_FACTS: Final = (
    *("heads", "blocks", "opset", "item_space", "feature_schema", "trained_on", "seed"),
    "calibration",
)
_OF_THE_RUN: Final = ("eventTime", "run/runId")
"""These differ between any two runs, and say nothing."""


@dataclass(frozen=True)
class Change:
    """One thing that differs. None: this version has none."""

    what: str
    before: Any
    after: Any

    @property
    def delta(self) -> float | None:
        """After minus before, of figures."""
        both = (self.before, self.after)
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in both):
            return None
        return float(self.after - self.before)


@dataclass(frozen=True)
class Difference:
    """Two versions compared, by section; nothing in a section: no difference."""

    before: str
    after: str
    sections: dict[str, list[Change]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        found = {
            section: [
                {"what": c.what, "before": c.before, "after": c.after, "delta": c.delta}
                for c in changes
            ]
            for section, changes in self.sections.items()
        }
        return {"before": self.before, "after": self.after, **found}


def diff(
    store: ObjectStore, registry: ModelRegistry, name: str, before: str, after: str
) -> Difference:
    """Compare two versions by their signed manifests, sizes and lineage.

    Raises:
        Refused: One of them is not there or may not be believed.
        Unavailable: The store does not answer.
    """
    old, new = registry.manifest(name, before), registry.manifest(name, after)
    sizes = [sizes_of(store, name, version)[0] for version in (before, after)]
    files = [{f: n for f, n in size.items() if f not in (MANIFEST, SIGNATURE)} for size in sizes]
    lineage = [_lineage(store, manifest) for manifest in (old, new)]
    return Difference(
        before,
        after,
        {
            "facts": changes(_facts(old), _facts(new)),
            "features": _features(old, new),
            "metrics": changes(flatten(old.metrics), flatten(new.metrics)),
            "bytes": changes(
                {"in all": sum(files[0].values()), **files[0]},
                {"in all": sum(files[1].values()), **files[1]},
            ),
            "lineage": changes(*lineage),
        },
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what differs, in the order of the newer version, what is gone last."""
    keys = list(dict.fromkeys([*after, *before]))
    found = [Change(key, before.get(key), after.get(key)) for key in keys]
    return [change for change in found if change.before != change.after]


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in _FACTS}


def _features(old: Manifest, new: Manifest) -> list[Change]:
    """Features by name: what is new, what is gone."""
    before, after = flatten(old.features), flatten(new.features)
    was = {f"{path.rpartition('/')[0]}/{name}": name for path, name in before.items()}
    now = {f"{path.rpartition('/')[0]}/{name}": name for path, name in after.items()}
    return changes(was, now)


def _lineage(store: ObjectStore, manifest: Manifest) -> dict[str, Any]:
    data = read_document(store, manifest, "lineage.json")
    try:
        leaves = flatten(json.loads(data)) if data else {}
    except ValueError as error:
        raise Refused(
            f"{manifest.name} {manifest.version}: lineage.json is no JSON ({error})"
        ) from error
    return {path: leaf for path, leaf in leaves.items() if path not in _OF_THE_RUN}
