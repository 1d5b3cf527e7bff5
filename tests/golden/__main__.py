"""`python -m tests.golden`: write the golden files anew. Do it on purpose, and read the diff.

What was released stays readable for ever: a new codec version gets files of its own, and the log is
only made when it is missing.
"""

import json

import msgspec

from service.core.codec import CODEC_VERSION, encode_stored
from service.core.control import control_key, encode_move
from tests.golden.samples import (
    CONTROL,
    DIGESTS,
    FOLDER,
    LOG,
    OUTPUT,
    Line,
    control_moves,
    digests_of,
    log_lines,
    output_records,
    stored_states,
)

if not LOG.exists():
    LOG.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in log_lines()))
lines = [msgspec.json.decode(line, type=Line) for line in LOG.read_bytes().splitlines()]
DIGESTS.write_text(json.dumps(digests_of(lines), indent=1) + "\n")
written = {name: msgspec.json.encode(record).decode() for name, record in output_records().items()}
OUTPUT.write_text(json.dumps(written, indent=1) + "\n")
told = {
    control_key(move.alias).decode(): encode_move(move).decode()
    for move in control_moves().values()
}
CONTROL.write_text(json.dumps(told, indent=1) + "\n")
for name, stored in stored_states():
    path = FOLDER / f"session_v{CODEC_VERSION}_{name}"
    path.with_suffix(".bin").write_bytes(encode_stored(stored))
    path.with_suffix(".json").write_bytes(
        msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"
    )
