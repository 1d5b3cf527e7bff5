"""Would a change of a schema break yesterday's readers or writers?

Within a version contracts only grow. What that forbids depends on who writes:

    inputs   others write: what was valid must stay valid
    outputs  others read: what is written must be what was promised

and on both sides no field is removed. It compares JSON Schemas as this project generates them:
objects, arrays, unions, enums, bounds, references into `$defs`; none refers to itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Schema = Mapping[str, Any]
Side = Literal["input", "output"]

_FLOORS: Final = ("minimum", "minLength", "minItems")
_CEILINGS: Final = ("maximum", "maxLength", "maxItems")


@dataclass(frozen=True, slots=True)
class Break:
    """One way in which the new schema breaks somebody."""

    path: str
    what: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.what}"


def breaks(old: Schema, new: Schema, side: Side) -> list[Break]:
    """Return every break between two versions of a schema, in the order of its fields."""
    return list(_Comparison(old, new, side).at("$", old, new))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two documents, and who is hurt by a difference."""

    old: Schema
    new: Schema
    side: Side

    def at(self, path: str, old: Schema, new: Schema) -> Iterator[Break]:
        """Compare two schemas found at the same place."""
        before = _variants(_resolved(self.old, old), self.old)
        after = _variants(_resolved(self.new, new), self.new)
        yield from self._union(path, set(before), set(after))
        for name in before:
            if name in after:
                inner = path if len(before) == 1 else f"{path}<{name}>"
                yield from self._schema(inner, before[name], after[name])

    def _union(self, path: str, before: set[str], after: set[str]) -> Iterator[Break]:
        gone, come = sorted(before - after), sorted(after - before)
        if gone and come:
            yield Break(path, f"type changed from {' | '.join(gone)} to {' | '.join(come)}")
        elif gone and self.side == "input":
            yield Break(path, f"no longer accepts {' | '.join(gone)}")
        elif come and self.side == "output":
            yield Break(path, f"may now be {' | '.join(come)}, which readers do not expect")

    def _schema(self, path: str, old: Schema, new: Schema) -> Iterator[Break]:
        yield from self._enum(path, old, new)
        yield from self._bounds(path, old, new)
        yield from self._fields(path, old, new)
        for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
                yield from self.at(path + step, old[keyword], new[keyword])

    def _enum(self, path: str, old: Schema, new: Schema) -> Iterator[Break]:
        before, after = set(old.get("enum", ())), set(new.get("enum", ()))
        if self.side == "input" and before - after:
            yield Break(path, f"enum narrowed: {_listed(before - after)} no longer accepted")
        if self.side == "output" and after - before:
            yield Break(path, f"enum widened: readers do not know {_listed(after - before)}")

    def _bounds(self, path: str, old: Schema, new: Schema) -> Iterator[Break]:
        strict, loose = (new, old) if self.side == "input" else (old, new)
        for keyword in (*_FLOORS, *_CEILINGS):
            if keyword not in strict:
                continue
            sign = 1 if keyword in _FLOORS else -1
            if keyword not in loose or sign * strict[keyword] > sign * loose[keyword]:
                yield Break(
                    path, f"{keyword} changed from {old.get(keyword)} to {new.get(keyword)}"
                )
        if "pattern" in strict and strict.get("pattern") != loose.get("pattern"):
            yield Break(path, f"pattern changed from {old.get('pattern')} to {new.get('pattern')}")

    def _fields(self, path: str, old: Schema, new: Schema) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield Break(f"{path}.{name}", "field removed")
            else:
                yield from self.at(f"{path}.{name}", before[name], after[name])
        needed, promised = set(new.get("required", ())), set(old.get("required", ()))
        if self.side == "input":
            for name in sorted(needed - promised):
                yield Break(f"{path}.{name}", "now required: yesterday's writers do not send it")
        else:
            for name in sorted((promised - needed) & set(after)):
                yield Break(f"{path}.{name}", "no longer promised: yesterday's readers need it")


def _resolved(root: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][str(schema["$ref"]).rsplit("/", 1)[-1]]
    return schema


def _variants(schema: Schema, root: Schema) -> dict[str, Schema]:
    """The members of a union by name; a plain schema is a union of one."""
    members = [_resolved(root, member) for member in schema.get("anyOf", (schema,))]
    return {_name(member): member for member in members}


def _name(schema: Schema) -> str:
    """What tells members apart: the tag of a tagged struct, else the JSON type."""
    tag = schema.get("properties", {}).get("type", {}).get("enum")
    if isinstance(tag, list) and len(tag) == 1:
        return str(tag[0])
    if "enum" in schema:
        return "string"
    return str(schema.get("type", "anything"))


def _listed(values: set[Any]) -> str:
    return ", ".join(sorted(map(repr, values)))
