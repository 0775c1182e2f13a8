"""What a capture child sends up its standard output: a header and the samples, again and again.

It ends when its standard input closes. `NO_DEVICE` is its exit status when the device cannot be opened.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<ddI")
"""`time.monotonic()` of the first sample, seconds dropped since the start, how many mono float32 samples follow."""
LONGEST_SAMPLES = 16_000
"""No frame is longer: a header that says so is none."""
NO_DEVICE = 4
