"""Settings: bounds, units, and names that are not ours."""

import pytest

from service.core.errors import Refused
from service.settings import Settings, check_names, explain, load_settings


def test_a_mistyped_variable_is_refused_and_the_right_one_named() -> None:
    with pytest.raises(Refused, match=r"SEGUE_REDIS__URI; did you mean SEGUE_REDIS__URL\?"):
        check_names({"SEGUE_REDIS__URI": "x", "HOME": "/"})


def test_variables_of_the_tests_and_of_others_are_left_alone() -> None:
    check_names({"SEGUE_TEST_BOOTSTRAP": "127.0.0.1:1", "KAFKA": "x"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SEGUE_KAFKA__PARTITIONS", "0"),
        ("SEGUE_KAFKA__BOOTSTRAP", "no port"),
        ("SEGUE_REDIS__URL", "http://127.0.0.1"),
        ("SEGUE_SLATE__LENGTH", "1000"),
        ("SEGUE_TOPICS__EVENTS", "a topic"),
        ("SEGUE_API__PORT", "eighty"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Refused, match=f"^{variable}={value}"):
        load_settings()


def test_a_refused_url_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_REDIS__URL", "http://u:hush@h")
    with pytest.raises(Refused) as refused:
        load_settings()
    assert "hush" not in str(refused.value)


def test_settings_cannot_be_changed_after_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().kafka.partitions = 9  # type: ignore[misc]


def test_each_value_is_shown_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_KAFKA__PARTITIONS", "8")
    rows = {row.variable: row for row in explain(load_settings())}
    assert (rows["SEGUE_KAFKA__PARTITIONS"].value, rows["SEGUE_KAFKA__PARTITIONS"].source) == (
        "8",
        "env",
    )
    assert rows["SEGUE_KAFKA__GROUP"].source == "default"


def test_every_setting_has_a_description() -> None:
    assert [row.variable for row in explain(Settings()) if not row.description] == []


def test_a_shown_url_hides_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_REDIS__URL", "redis://u:hush@h:1/0")
    rows = {row.variable: row for row in explain(load_settings())}
    assert rows["SEGUE_REDIS__URL"].value == "redis://u:***@h:1/0"
