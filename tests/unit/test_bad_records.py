"""The worker's own decoder refuses every bad record for the reason it was made for."""

from collections import Counter

import pytest

from service.core.errors import PoisonRecord
from service.core.events import Record
from service.core.wire import decode
from tests.bad_records import KINDS, TEN_MB, BadRecord, bad_records

NOW_MS = 1_700_000_000_000


def refused(bad: BadRecord) -> PoisonRecord:
    record = Record(0, 0, NOW_MS, bad.key, bad.value, bad.headers)
    with pytest.raises(PoisonRecord) as caught:
        decode(record)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_record_is_refused_for_the_reason_it_was_made_for(kind: str) -> None:
    for bad in bad_records(now_ms=NOW_MS):
        if bad.kind == kind:
            assert refused(bad).kind == bad.poison, bad.value and bad.value[:200]


def test_the_corpus_has_ten_of_each_of_twenty_kinds_and_is_the_same_every_time() -> None:
    corpus = bad_records()
    assert Counter(bad.kind for bad in corpus) == dict.fromkeys(KINDS, 10)
    assert len(KINDS) == 20
    assert corpus == bad_records()


def test_one_record_of_the_corpus_is_larger_than_ten_megabytes() -> None:
    assert sum(len(bad.value or b"") > TEN_MB for bad in bad_records()) == 1


def test_what_is_wrong_is_said_with_the_field() -> None:
    fields = [str(refused(bad)) for bad in bad_records() if bad.kind == "wrong_type"]
    assert all("$." in message for message in fields), fields
