"""The model card: what a model is, for the people who answer for it.

Made from the manifest and the gate's verdict alone, so the same folder gives the same card.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from models.registry.figures import flatten, is_interval, markdown, spell, tables
from models.registry.verdict import VERDICT, read_verdict
from service.core.events import CONTENT_TYPES

_HEADS: Final = {
    "next": "this item is played next",
    "skip": "the listener skips it early",
    "complete": "it is heard to the end",
    "like": "the listener likes or saves it",
}


def write_card(manifest: Mapping[str, Any], folder: Path) -> str:
    """Return the card in Markdown, with front matter that tools read.

    Args:
        manifest: What the manifest will say, name and version included.
        folder: The model's folder: a verdict of the gate in it goes onto the card.

    Raises:
        Refused: The folder's verdict is none.
    """
    sections = [
        _front_matter(manifest),
        f"# {manifest['name']} {manifest['version']}\n\n{_what(manifest)}",
        f"## Trained on\n\n{_trained_on(manifest)}",
        f"## Figures\n\n{_figures(manifest)}",
        f"## Against the champion\n\n{_verdict(folder / VERDICT)}",
        f"## Calibration\n\n{_calibration(manifest)}",
        f"## Limits\n\n{_limits(manifest)}",
        f"## If it goes wrong\n\n{_rollback(manifest)}",
    ]
    return "\n\n".join(sections) + "\n"


def is_simulated(manifest: Mapping[str, Any]) -> bool:
    """Whether its training data say that they come from the simulator."""
    text = str(manifest.get("trained_on", "")).lower()
    return "synthetic" in text or "simulat" in text


def _front_matter(manifest: Mapping[str, Any]) -> str:
    facts = {
        "model_name": f"{manifest['name']}-{manifest['version']}",
        "library_name": "onnx",
        "pipeline_tag": "other",
        "tags": ["recommendation", "session-based", "segue"],
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in facts.items()]
    return "\n".join(["---", *lines, "---"])


def _what(manifest: Mapping[str, Any]) -> str:
    heads = [
        f"`{head}` ({_HEADS.get(head, 'no description')})" for head in _list(manifest, "heads")
    ]
    blocks = ", ".join(_list(manifest, "blocks")) or "base"
    return (
        "A ranker of Segue: it scores the candidates of a Now Playing slate from what happened in"
        f" the session so far. For each candidate it gives a probability that {'; '.join(heads)}."
        f" It reads the feature blocks: {blocks}. ONNX opset {manifest.get('opset', 'unknown')},"
        f" {manifest.get('bytes', 'unknown')} bytes."
    )


def _trained_on(manifest: Mapping[str, Any]) -> str:
    said = manifest.get("trained_on") or "The manifest does not say."
    seed = manifest.get("seed")
    text = f"{said}\n\nSeed: {'not recorded' if seed is None else seed}."
    lineage = "lineage.json" in manifest.get("sha256", {})
    return text + (" `lineage.json` lists the inputs with their hashes." if lineage else "")


def _figures(manifest: Mapping[str, Any]) -> str:
    metrics = manifest.get("metrics") or {}
    if not metrics:
        return "None were recorded: do not promote this version without measuring it."
    notes = []
    if is_simulated(manifest):
        notes.append("Measured in the simulator: they say nothing of real listeners.")
    if not any(map(is_interval, _branches(metrics))):
        notes.append("Recorded without intervals: differences in the last digits mean nothing.")
    shown = [
        f"{f'**{title}**' if title else ''}\n\n{markdown(rows)}" for title, rows in tables(metrics)
    ]
    return "\n\n".join([*notes, *(table.strip() for table in shown)])


def _verdict(path: Path) -> str:
    verdict = read_verdict(path)
    if verdict is None:
        return "The gate was not asked: `segue evaluate gate CANDIDATE CHAMPION`."
    result = "passed" if verdict.passed else "did not pass"
    lines = [f"The gate compared it with {verdict.champion}: it **{result}**."]
    lines += [f"- {reason}" for reason in verdict.reasons]
    quality = verdict.evidence.get("quality", {})
    rows = [[name, spell(figure)] for name, figure in quality.items()]
    table = markdown([["candidate minus champion", "difference [interval]"], *rows])
    return "\n".join(lines) + (f"\n\n{table}" if rows else "")


def _calibration(manifest: Mapping[str, Any]) -> str:
    said = manifest.get("calibration")
    method = said.get("method", "see below") if isinstance(said, Mapping) else said
    if not method:
        parts = ["Not recorded: take heads for probabilities as far as the errors below allow."]
    else:
        parts = [f"Method: {method}, in the graph itself: heads are probabilities."]
    if isinstance(said, Mapping):
        heads = _list(manifest, "heads")
        for name, rows in said.items():
            parts += _by_type(name, rows, heads)
    if errors := _calibration_errors(manifest):
        rows = [[where, spell(figure)] for where, figure in errors.items()]
        parts.append(markdown([["measured on", "expected calibration error"], *rows]))
    return "\n\n".join(parts)


def _by_type(name: str, rows: Any, heads: list[str]) -> Iterator[str]:
    """Yield a table if these are figures by content type and head."""
    if isinstance(rows, list) and len(rows) == len(CONTENT_TYPES):
        body = zip(CONTENT_TYPES, rows, strict=True)
        shown = [[kind, *map(spell, row if isinstance(row, list) else [row])] for kind, row in body]
        yield markdown([[name, *heads], *shown])


def _calibration_errors(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model's own errors by where they were measured, not those of baselines."""
    found = {
        path.removesuffix("/ece"): figure
        for path, figure in flatten(manifest.get("metrics") or {}).items()
        if path.endswith("/ece")
    }
    own = {path: figure for path, figure in found.items() if "ranker" in path.split("/")}
    return own or found


def _limits(manifest: Mapping[str, Any]) -> str:
    space = manifest.get("item_space", "any")
    items = (
        "It knows items by their features and vectors, not by id: any catalogue with the same"
        " feature schema will do."
        if space == "any"
        else f"It knows the items of item space `{space}` and must not rank another catalogue."
    )
    missing = sorted(_HEADS.keys() - set(_list(manifest, "heads")))
    lines = [
        items,
        f"It says nothing about: {', '.join(missing)}." if missing else "",
        "A candidate's score does not depend on the other candidates: variety is the selector's.",
        "It was fitted to what listeners were offered at the time: what was never offered, it never"
        " learned.",
        f"Feature schema {str(manifest.get('feature_schema', ''))[:12]}: a service that computes"
        " other features refuses it.",
    ]
    return "\n".join(f"- {line}" for line in lines if line)


def _rollback(manifest: Mapping[str, Any]) -> str:
    return (
        "```\n"
        'segue models rollback --alias champion --reason "what you saw"\n'
        "segue models audit          # who moved what, when and why\n"
        "```\n\n"
        "Workers follow the announcement; `segue models announce` repeats it. Slates say which"
        f" model ranked them: look for `{manifest['version']}`."
    )


def _list(manifest: Mapping[str, Any], field: str) -> list[str]:
    return [str(entry) for entry in manifest.get(field) or ()]


def _branches(tree: Any) -> Iterator[Any]:
    yield tree
    if isinstance(tree, Mapping):
        for branch in tree.values():
            yield from _branches(branch)
