"""What `segue evaluate sessions` looks for before its figures count."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from models.data.leaks import begins_too_early, made_from_test, refuse, same_files
from models.data.lineage import FILE
from models.sessions.read import ALIASES, I64, WITHOUT_LISTENERS, SessionLog


def refuse_leaks(train: Sequence[Path], test: Sequence[Path], model: Path | None) -> None:
    """Stop where a test file is a training file, or one of those the model was made from.

    Raises:
        Refused: Names the files.
    """
    refuse(same_files(train, test))
    record = None if model is None else model / FILE
    if record is not None and record.exists():
        refuse(made_from_test(msgspec.json.decode(record.read_bytes()), test))


def warn_of_leaks(
    train: SessionLog, test: SessionLog, log_format: str, say: Callable[[str], None]
) -> None:
    """Say when the test begins before training ends; a log of made-up times cannot tell."""
    if ALIASES.get(log_format, log_format) in WITHOUT_LISTENERS:
        return
    for leak in begins_too_early(_begins_ms(train), _begins_ms(test)):
        say(f"warning: {leak}")


def _begins_ms(log: SessionLog) -> I64:
    return log.at_ms[log.starts[:-1]]
