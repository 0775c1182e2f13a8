"""What a capture child sends up its standard output: a header and what follows it, again and again.

It ends when its standard input closes.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<cddI")
"""The kind, `time.monotonic()` of the first sample, seconds dropped since the start, how many bytes follow."""
SOUND = b"S"
"""Mono float32 samples follow, little-endian."""
CONDITION = b"C"
"""The device's `Condition` follows as JSON; the two times mean nothing."""
LONGEST_BYTES = 64_000
"""Nothing is longer: a header that says so is none."""
