"""Every check of a leak is seen to fire, and to be quiet where there is none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data.leaks import (
    begins_too_early,
    counted_from_test,
    futures_in_inputs,
    made_from_test,
    overlapping,
    refuse,
    same_files,
    targets_in_inputs,
)
from models.data.lineage import lineage_of, write_lineage
from models.sessions.leaks import refuse_leaks, warn_of_leaks
from models.sessions.read import SessionLog, session_log
from service.core.errors import Refused


def test_ids_in_both_parts_are_found() -> None:
    assert overlapping(["a", "b"], ["c"], "sessions") == []
    assert overlapping(["a", "b"], ["b", "c"], "sessions") == ["1 sessions are in both parts: b"]


def test_a_test_session_before_the_last_training_session_is_found() -> None:
    train = np.array([10, 30, 20])
    assert begins_too_early(train, np.array([30, 40])) == []
    (found,) = begins_too_early(train, np.array([29, 40]))
    assert found.startswith("1 of 2 test sessions begin before")


def test_a_target_among_its_own_inputs_is_found_and_a_repeat_is_none() -> None:
    assert targets_in_inputs([("u", 3)], [[("u", 1), ("u", 2)]]) == []
    (found,) = targets_in_inputs([("u", 3), ("u", 4)], [[("u", 3)], [("u", 2)]])
    assert found == "1 predictions see their own target: 0"


def test_an_input_from_after_its_target_is_found() -> None:
    now = {"number": 1, "changes": [{"number": 1}, {"number": 2}]}
    assert futures_in_inputs([now], [3]) == []
    assert futures_in_inputs([now], [2]) == ["1 inputs are of the future: rows 0"]
    assert futures_in_inputs([now | {"changes": []}], [1]) != []


def test_figures_of_items_that_only_the_test_has_are_found() -> None:
    train = np.array([0, 1, 1, -1])
    assert counted_from_test(np.array([0.3, 0.7, 0.0]), train) == []
    (found,) = counted_from_test(np.array([0.3, 0.6, 0.1]), train)
    assert found == "1 items that training lacks have figures: rows 2"


def test_an_artefact_made_from_the_test_part_is_found_by_its_lineage(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 2\n")
    test.write_text("3 4\n")
    honest = lineage_of("train", inputs=[train], outputs=[], params={})
    leaky = lineage_of("train", inputs=[train, test], outputs=[], params={})
    assert made_from_test(honest, [test]) == []
    assert made_from_test(leaky, [test]) == ["it was made from the test part: test.txt"]


def test_a_copy_of_the_training_file_is_no_test(tmp_path: Path) -> None:
    train, copy, other = (tmp_path / name for name in ("train.txt", "copy.txt", "other.txt"))
    train.write_text("1 2\n")
    copy.write_text("1 2\n")
    other.write_text("1 2 3\n")
    assert same_files([train], [other]) == []
    assert same_files([train], [copy]) == ["test file copy.txt is training file train.txt"]


def test_a_leak_is_refused_and_none_is_not() -> None:
    refuse([])
    with pytest.raises(Refused, match="leaks into training: test file a is training file b"):
        refuse(["test file a is training file b"])


def sessions(begins_s: list[int]) -> SessionLog:
    log = session_log([[0, 1] for _ in begins_s])
    return replace(log, at_ms=np.repeat(np.array(begins_s, dtype=np.int64) * 1000, 2))


def test_evaluation_says_when_the_test_begins_before_training_ends() -> None:
    said: list[str] = []
    warn_of_leaks(sessions([1, 9]), sessions([9, 12]), "30music", said.append)
    warn_of_leaks(sessions([1, 9]), sessions([5, 12]), "lines", said.append)
    assert said == []
    warn_of_leaks(sessions([1, 9]), sessions([5, 12]), "30music", said.append)
    assert said[0].startswith("warning: 1 of 2 test sessions begin before")


def test_evaluation_refuses_a_test_that_was_trained_on(tmp_path: Path) -> None:
    train, test, model = tmp_path / "train.txt", tmp_path / "test.txt", tmp_path / "model"
    train.write_text("1 2\n")
    test.write_text("3 4\n")
    model.mkdir()
    refuse_leaks([train], [test], model)
    write_lineage(model, lineage_of("train", inputs=[train, test], outputs=[], params={}))
    with pytest.raises(Refused, match=r"made from the test part: test\.txt"):
        refuse_leaks([train], [test], model)
    with pytest.raises(Refused, match=r"test file train\.txt is training file"):
        refuse_leaks([train], [train], None)
