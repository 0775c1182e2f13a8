"""Looks for what must be nowhere, in whatever form it was written."""

from __future__ import annotations

import base64
import bz2
import lzma
import re
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

_DEPTH = 2
"""How many times something may have been packed."""
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_GZIP = re.compile(rb"\x1f\x8b\x08")
_ZIPPED = re.compile(rb"PK\x03\x04")
_BZIP = re.compile(rb"BZh[1-9]")
_XZ = re.compile(rb"\xfd7zXZ\x00")
_ZIP_HEAD = 30
_SHORTEST = 6
"""Less than so many bytes are found by chance."""


def forms(secret: str | bytes) -> dict[str, tuple[bytes, ...]]:
    """Return how `secret` looks in each form that it may be written in; a text in small letters and as it is."""
    said = {secret, secret.lower()} if isinstance(secret, str) else {secret}
    plain = tuple({text.encode() if isinstance(text, str) else text for text in said})
    assert min(map(len, plain)) >= _SHORTEST
    wide = {}
    if isinstance(secret, str):
        words = {text for text in said if isinstance(text, str)}
        wide = {name: tuple(word.encode(name) for word in words) for name in ("utf-16-le", "utf-16-be", "utf-32-le")}
    written = {"plain": plain, **wide}
    return {
        **written,
        "hex": tuple(text.hex().encode() for text in plain) + tuple(text.hex().upper().encode() for text in plain),
        **{f"base64 of {name}": tuple(_base64(texts)) for name, texts in written.items()},
    }


def sound_forms(samples: NDArray[np.float32]) -> dict[str, tuple[bytes, ...]]:
    """Return how a stretch of sound looks: as floats, and as whole numbers rounded one way or the other."""
    whole = {np.round(samples * scale).astype("<i2").tobytes() for scale in (32767, 32768)}
    cut = {np.trunc(samples * scale).astype("<i2").tobytes() for scale in (32767, 32768)}
    plain = (samples.astype("<f4").tobytes(), samples.astype("<f8").tobytes(), *whole, *cut)
    return {"plain": plain, "base64": tuple(_base64(plain))}


def found(content: bytes, secrets: Mapping[str, Mapping[str, tuple[bytes, ...]]]) -> set[tuple[str, str]]:
    """Return (which secret, in which form) is in `content`, as it is and after each unpacking that it allows."""
    seen = set()
    for packed, part in _unpacked(content, _DEPTH):
        for name, looks in secrets.items():
            for form, texts in looks.items():
                if any(text in part for text in texts):
                    seen.add((name, f"{form}{packed}"))
    return seen


def _base64(texts: tuple[bytes, ...]) -> Iterator[bytes]:
    """Give the characters that stand for `texts` wherever they begin in what was encoded, in both alphabets."""
    for text in texts:
        for before in range(3):
            coded = base64.b64encode(bytes(before) + text)
            inner = coded[-(-before * 8 // 6) : len(coded) - 4]
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")


def _unpacked(content: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    yield "", content
    if depth:
        for part in _packed_in(content):
            if len(part) >= _SHORTEST:
                for how, inner in _unpacked(part, depth - 1):
                    yield f", packed{how}", inner


def _packed_in(content: bytes) -> Iterator[bytes]:
    for place in _ZLIB.finditer(content):
        yield _inflated(content[place.start() :], zlib.MAX_WBITS)
    for place in _GZIP.finditer(content):
        yield _inflated(content[place.start() :], 16 + zlib.MAX_WBITS)
    for place in _ZIPPED.finditer(content):
        head = content[place.start() : place.start() + _ZIP_HEAD]
        lengths = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        yield _inflated(content[place.start() + _ZIP_HEAD + lengths :], -zlib.MAX_WBITS)
    for place in _BZIP.finditer(content):
        yield _drawn(bz2.BZ2Decompressor(), content[place.start() :])
    for place in _XZ.finditer(content):
        yield _drawn(lzma.LZMADecompressor(), content[place.start() :])


def _inflated(content: bytes, wbits: int) -> bytes:
    """Return what `content` begins with, unpacked as far as it goes."""
    unpacking = zlib.decompressobj(wbits)
    parts = []
    try:
        for start in range(0, len(content), 4096):
            parts.append(unpacking.decompress(content[start : start + 4096]))
            if unpacking.eof:
                break
    except zlib.error:
        pass
    return b"".join(parts)


def _drawn(unpacking: bz2.BZ2Decompressor | lzma.LZMADecompressor, content: bytes) -> bytes:
    try:
        return unpacking.decompress(content)
    except (OSError, EOFError, lzma.LZMAError):
        return b""
