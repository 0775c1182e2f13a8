"""What passes between `DeviceSink` and its child process.

Commands go down as a header and a payload; reports come up as JSON lines: `{"ready": rate_hz}`, then for each prompt
`{"id", "started"}`, `{"id", "alive"}` every `ALIVE_SECONDS` while it plays, and `{"id", "ended", "completed",
"underflows"}`; `{"alive"}` every `IDLE_SECONDS` while nothing plays; `{"lost"}` when the device is gone; where a sound
server tells it, `{"muted"}` before `ready` and at each change; with a microphone, `{"carried"}`, whether it is heard,
before `ready` and at each change. A prompt stopped before its first sample never starts, it only ends. Times are
`time.monotonic()` seconds, which parent and child share.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<cIdI")
"""Command, prompt id, a number (PLAY: the rate in Hz; STOP: seconds to fade within), bytes that follow."""
PLAY = b"P"
"""Followed by mono float32 samples, little-endian."""
STOP = b"S"
ALIVE_SECONDS = 0.25
IDLE_SECONDS = 2.0
