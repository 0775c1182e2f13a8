"""What passes between the recognizer and its process: a length, a JSON header, raw sound.

A message is the header's length in bytes (4 bytes, big endian), the header (one UTF-8 JSON object), then `bytes` bytes
of payload when the header says so. Both ends are ours and of one version, so there is no negotiation.

To the worker, first: `{"model", "threads", "compute_type"}`; then, for each utterance:
`{"language", "hotwords", "careful", "bytes"}` and float32 PCM, or to be timed `{"language", "tokens", "bytes"}`. From
the worker, after each: `{"ready": true}`, `{"text", "confidence"}`, `{"seconds"}` or `{"error": <name of the
exception's class>}`.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
MAX_HEADER_BYTES = 1 << 20
"""A longer header is noise on the pipe: an utterance of 30 s is some 500 characters."""
MAX_PAYLOAD_BYTES = 64 << 20
"""16 million samples: far above the 30 s that an utterance may last."""

Header = dict[str, Any]


class WireError(Exception):
    """The other end sent something that is no message."""


def pack(header: Header, payload: bytes = b"") -> bytes:
    """Return the bytes of one message."""
    text = json.dumps({**header, "bytes": len(payload)}, ensure_ascii=False).encode()
    return _LENGTH.pack(len(text)) + text + payload


def read(stream: BinaryIO) -> tuple[Header, bytes] | None:
    """Return the next message of a blocking stream, None at its end.

    Raises:
        WireError: what came is no message, or only a part of one.
    """
    prefix = stream.read(_LENGTH.size)
    if not prefix:
        return None
    header = _header(_exactly(stream, _header_length(prefix)))
    return header, _exactly(stream, header["bytes"])


async def receive(stream: asyncio.StreamReader) -> Header:
    """Return the header of the next message of an asynchronous stream; a payload is read and thrown away.

    Raises:
        WireError: what came is no message.
        asyncio.IncompleteReadError: the stream ended.
    """
    header = _header(await stream.readexactly(_header_length(await stream.readexactly(_LENGTH.size))))
    await stream.readexactly(header["bytes"])
    return header


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count) if count else b""
    if len(data) != count:
        raise WireError("The pipe closed within a message.")
    return data


def _header_length(prefix: bytes) -> int:
    if len(prefix) != _LENGTH.size:
        raise WireError("The pipe closed within a message.")
    (length,) = _LENGTH.unpack(prefix)
    if not 0 < length <= MAX_HEADER_BYTES:
        raise WireError("No message starts like this.")
    return int(length)


def _header(data: bytes) -> Header:
    try:
        header = json.loads(data)
    except ValueError:
        raise WireError("A message's header is no JSON.") from None  # the JSON error would quote it
    size = header.get("bytes") if isinstance(header, dict) else None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_PAYLOAD_BYTES:
        raise WireError("A message's header does not say how long its payload is.")
    return dict(header)
