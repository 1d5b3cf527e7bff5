"""What ranking by a session model costs a user: encoder, retrieval, ranker; and approximate search.

Thread time is the measure: on a shared machine wall clock counts the neighbours' work too. Both are
reported. Without a model folder the index is synthetic, and retrieval alone is measured.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtest.footprint import resident_mib
from models.sessions.index import build_index
from models.sessions.read import SessionLog
from models.sessions.recipe import DEFAULT
from service.adapters.model_folder import INDEX, read_model_folder
from service.adapters.onnx import OnnxScorer
from service.adapters.onnx_encoder import OnnxEncoder
from service.adapters.session_index import read_index, read_limits
from service.core.features import Features
from service.core.items import F32, I32
from service.core.memory import RING_MAX
from service.core.retrieval.index import Limits, Mask, SessionIndex
from service.core.retrieval.retrieve import Retriever

SIZES: Final = (8, 16)
PROBES: Final = (12, 24, 48, 96)
LISTED: Final = 100
OF_OWN_TOPIC: Final = 0.8
MEAN_PLAYS: Final = 12
TARGETS_US: Final = {"retrieval": 200.0, "ranker": 120.0}


@dataclass(frozen=True)
class World:
    """A synthetic log: topics of items, popularity by a Zipf law, sessions about a topic each."""

    items: int = 60_000
    sessions: int = 150_000
    dim: int = 128
    topics: int = 400
    seed: int = 0

    def vectors(self) -> F32:
        """float32[n, d], unit length, scattered about the centre of their topic."""
        draws = np.random.default_rng([self.seed, 1])
        centres = draws.normal(size=(self.topics, self.dim))
        near = centres[np.arange(self.items) % self.topics]
        rows = (near + draws.normal(size=near.shape)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def log(self) -> SessionLog:
        """Sessions of 12 plays in the mean, four in five of them of the session's topic."""
        draws = np.random.default_rng([self.seed, 2])
        lengths = np.minimum(1 + draws.geometric(1 / (MEAN_PLAYS - 1), self.sessions), 200)
        topic = np.repeat(draws.integers(0, self.topics, self.sessions), lengths)
        # By rank within the topic, or within everything: the inverse of a Zipf law of exponent 1.
        chance = draws.random(len(topic))
        members = self.items // self.topics
        of_topic = topic + self.topics * (members**chance - 1).astype(np.int64)
        of_all = (self.items**chance - 1).astype(np.int64)
        own = draws.random(len(topic)) < OF_OWN_TOPIC
        items = np.where(own, of_topic, of_all).astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        users = np.arange(self.sessions, dtype=np.int32)
        nothing = np.zeros(len(items), np.int8)
        return SessionLog(items, starts, users, nothing, np.zeros(len(items), np.int64))


@dataclass(frozen=True)
class Subject:
    """What is measured. Encoder and ranker are a model folder's, or None."""

    index: SessionIndex
    limits: Limits
    encoder: OnnxEncoder | None = None
    scorer: OnnxScorer | None = None


def synthetic(world: World) -> Subject:
    """An index of a synthetic log."""
    kinds = np.zeros(world.items, np.uint8)
    index = build_index(world.log(), world.vectors(), kinds, DEFAULT.neighbours)
    return Subject(index, Limits())


def of_folder(folder: Path) -> Subject:
    """The parts of a model folder, as a worker loads them.

    Raises:
        Refused: A file is missing or was changed.
    """
    read = read_model_folder(folder)
    index = read_index(folder / INDEX)
    encoder, scorer = OnnxEncoder.of(read, index.vectors), OnnxScorer.of(read)
    return Subject(index, read_limits(folder / INDEX), encoder, scorer)


def measure(subject: Subject, *, rounds: int, seed: int = 0) -> dict[str, Any]:
    """Cost of each stage per user, what approximate search finds, and the process's memory."""
    _pin()
    draws = np.random.default_rng(seed)
    retriever = Retriever(subject.index, subject.limits)
    costs = {str(size): _costs(subject, retriever, draws, size, rounds) for size in SIZES}
    memory = resident_mib(os.getpid())
    return {
        "items": len(subject.index),
        "sessions": subject.index.sessions,
        "us_per_user": costs,
        "recall": _recalls(subject, draws, min(rounds, 100)),
        "resident_mib": round(memory[0]) if memory else None,
        "index_mib": round(sum(a.nbytes for a in vars(subject.index).values()) / 2**20),
        "load": os.getloadavg()[0],
        "targets_us": TARGETS_US,
    }


def _pin() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def some_sessions(index: SessionIndex, draws: np.random.Generator, size: int) -> tuple[I32, Mask]:
    """Rings of a session of the index and the one before it: int32[size, 50], bool[size, 50]."""
    recent = np.full((size, RING_MAX), -1, np.int32)
    current = np.zeros((size, RING_MAX), np.bool_)
    for b, session in enumerate(draws.integers(1, index.sessions, size)):
        begin, middle, end = index.play_starts[session - 1 : session + 2]
        plays = index.plays[begin:end][::-1][:RING_MAX]
        recent[b, : len(plays)] = plays
        current[b, : end - middle] = True
    return recent, current & (recent >= 0)


def _directions(subject: Subject, recent: I32, current: Mask) -> F32:
    if subject.encoder is not None:
        return subject.encoder.encode(recent, current, np.zeros(recent.shape, np.int8))
    newest = subject.index.vectors[np.maximum(recent[:, :5], 0)].sum(axis=1)
    return np.asarray(newest / np.linalg.norm(newest, axis=1, keepdims=True), np.float32)


def _costs(
    subject: Subject, retriever: Retriever, draws: np.random.Generator, size: int, rounds: int
) -> dict[str, Any]:
    taken: dict[str, list[tuple[float, float]]] = {"retrieval": []}
    candidates = 0
    for turn in range(rounds + 2):
        recent, current = some_sessions(subject.index, draws, size)
        spent, directions = _timed(_directions, subject, recent, current)
        if subject.encoder is not None:
            taken.setdefault("encoder", []).append(spent)
        spent, got = _timed(retriever.retrieve, recent, current, directions)
        taken["retrieval"].append(spent)
        if subject.scorer is not None:
            kind = subject.index.kind[got.items]
            nothing = np.empty((size, 0), np.float32)
            asked = Features(nothing, got.owner, got.evidence, kind)
            spent, _ = _timed(subject.scorer.score, asked)
            taken.setdefault("ranker", []).append(spent)
        candidates += len(got.items) if turn > 1 else 0
    stages = {name: _summary(times[2:], size) for name, times in taken.items()}
    return {**stages, "candidates": round(candidates / (rounds * size), 1)}


def _timed(work: Callable[..., Any], *given: Any) -> tuple[tuple[float, float], Any]:
    """Seconds of this thread's work and of the wall clock, and what came of it."""
    wall, mine = time.perf_counter(), time.thread_time()
    result = work(*given)
    return (time.thread_time() - mine, time.perf_counter() - wall), result


def _summary(times: list[tuple[float, float]], size: int) -> dict[str, float]:
    thread, wall = np.array(times).T * 1e6 / size
    shown = {f"p{p}": round(float(np.percentile(thread, p)), 1) for p in (50, 90, 99)}
    return {**shown, "wall_p50": round(float(np.percentile(wall, 50)), 1)}


def _recalls(subject: Subject, draws: np.random.Generator, count: int) -> dict[str, float]:
    """Share of the exact 100 nearest that a search of so many clusters finds."""
    recent, current = some_sessions(subject.index, draws, count)
    directions = _directions(subject, recent, current)

    def nearest(limits: Limits) -> list[set[int]]:
        retriever = Retriever(subject.index, limits)
        rows = zip(recent, current, directions, strict=True)
        return [set(retriever.lists(*row)[0].tolist()) for row in rows]

    limits = replace(subject.limits, encoder=LISTED)
    exact = nearest(replace(limits, exact_items=len(subject.index)))
    found = {}
    for probes in PROBES:
        near = nearest(replace(limits, exact_items=0, probes=probes))
        shares = [len(a & b) / max(len(b), 1) for a, b in zip(near, exact, strict=True)]
        found[str(probes)] = round(float(np.mean(shares)), 4)
    return found


def lines(report: dict[str, Any]) -> list[str]:
    """The report as a table, in microseconds a user."""
    out = [f"{'batch':6}{'stage':12}{'p50':>9}{'p90':>9}{'p99':>9}{'wall p50':>10}{'aim':>7}"]
    for size, stages in report["us_per_user"].items():
        for name, cost in stages.items():
            if name == "candidates":
                continue
            cells = "".join(f"{cost[p]:9.1f}" for p in ("p50", "p90", "p99"))
            aim = report["targets_us"].get(name)
            shown = f"{aim:7.0f}" if aim else ""
            out.append(f"{size:6}{name:12}{cells}{cost['wall_p50']:10.1f}{shown}")
    out.append(f"recall@{LISTED} by clusters searched: {report['recall']}")
    out.append(f"resident {report['resident_mib']} MiB, index {report['index_mib']} MiB")
    return out
