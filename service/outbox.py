"""From turns and rankings to what goes out: slates and their traces, outcomes, a report. No I/O."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from service.core.codec import Stored, digest
from service.core.events import Record, UserId
from service.core.slates import DeadLetter, Model, OutcomeBatch, Slate, Source
from service.core.turn import Turn
from service.ports import Answer, Publication, Report, Trace
from service.ranking import Ranked


class Stamp(Struct, frozen=True, kw_only=True):
    """What all slates of a batch have in common. Each slate says itself which model ranked it."""

    model: Model  # the worker's own, which outcomes name
    generated_at_ms: int
    ttl_ms: int
    trace: Trace  # the batch's times; a slate adds its own record's


def publication_of(
    turns: Sequence[Turn], ranked: Sequence[Ranked], letters: Sequence[DeadLetter], stamp: Stamp
) -> Publication:
    """Put together all that a batch has to say; `ranked` follows the due turns of living users."""
    fresh = iter(ranked)
    slates: list[tuple[UserId, Slate | None, Trace]] = []
    for turn in due_turns(turns):
        assert turn.stored
        state = turn.stored.state
        slate = None if state.is_deleted else _slate(turn, turn.stored, next(fresh), stamp)
        slates.append((turn.user_id, slate, _trace(turn, state.version, stamp.trace)))
    return Publication(slates=slates, outcomes=_outcomes(turns, stamp.model), dead_letters=letters)


def due_turns(turns: Sequence[Turn]) -> list[Turn]:
    """The turns that call for a slate."""
    return [turn for turn in turns if turn.reason and turn.stored]


def report_of(
    turns: Sequence[Turn],
    answers: Sequence[Answer],
    publication: Publication,
    published_at_ns: int,
) -> Report:
    """Count what a batch came to."""
    return Report(
        records=sum(turn.records for turn in turns) + len(publication.dead_letters),
        users=len(turns),
        slates=Counter(turn.reason for turn in turns if turn.reason),
        dead_letters=Counter(letter.kind for letter in publication.dead_letters),
        ignored=sum((Counter(turn.ignored) for turn in turns), Counter()),
        answers=Counter(str(answer) for answer in answers),
        traces=tuple(trace for _, _, trace in publication.slates),
        published_at_ns=published_at_ns,
    )


def _slate(turn: Turn, stored: Stored, ranked: Ranked, stamp: Stamp) -> Slate:
    assert turn.trigger
    assert turn.reason
    return Slate(
        user_id=turn.user_id,
        session_id=stored.state.session_id,
        version=stored.state.version,
        source=Source(stored.fence.partition, stored.state.source_offset),
        state_digest=digest(stored.state),
        trigger_event_id=turn.trigger.event.event_id,
        reason=turn.reason,
        generated_at_ms=stamp.generated_at_ms,
        ttl_ms=stamp.ttl_ms,
        model=ranked.model,
        degraded=ranked.degraded,
        items=ranked.items,
    )


def _outcomes(turns: Sequence[Turn], model: Model) -> list[OutcomeBatch]:
    by_partition: dict[int, list[Turn]] = {}
    for turn in turns:
        if turn.outcomes and turn.stored:
            by_partition.setdefault(turn.stored.fence.partition, []).append(turn)
    return [
        OutcomeBatch(
            partition=partition,
            model=model,
            outcomes=tuple(outcome for turn in mine for outcome in turn.outcomes),
        )
        for partition, mine in by_partition.items()
    ]


def _trace(turn: Turn, version: int, common: Trace) -> Trace:
    assert turn.trigger
    record: Record = turn.trigger.record
    headers = dict(record.headers)
    return Trace(
        version=version,
        traceparent=headers.get("traceparent"),
        sent_at_ns=headers.get("segue.sent_at_ns"),
        appended_at_ms=record.timestamp_ms,
        polled_at_ns=common.polled_at_ns,
        stored_at_ns=common.stored_at_ns,
        ranked_at_ns=common.ranked_at_ns,
    )
