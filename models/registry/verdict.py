"""The gate's verdict on a version: what `segue evaluate gate --out FOLDER/gate.json` wrote."""

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from service.core.errors import Refused

VERDICT: Final = "gate.json"


class GateVerdict(Struct, frozen=True):
    """As the gate reports it; versions are those that the folders had when it compared them."""

    passed: bool
    candidate: str
    champion: str
    reasons: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)


def read_verdict(path: Path) -> GateVerdict | None:
    """Read a verdict; None when there is no such file.

    Raises:
        Refused: The file holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=GateVerdict)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no verdict of the gate ({error}); ask it again") from error
