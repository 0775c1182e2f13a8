"""The search itself: every form that is planted is found, and nothing where nothing is."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib

import numpy as np
import pytest

from tests.marks import forms, found, sound_forms

NAME = "Zéphyrine"
AROUND = b"some text before "


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("word/document.xml", content)
    return file.getvalue()


PLANTED = {
    "as it is": NAME.encode(),
    "in small letters": NAME.lower().encode(),
    "UTF-16": NAME.encode("utf-16-le"),
    "UTF-16, the other way": NAME.encode("utf-16-be"),
    "UTF-32": NAME.encode("utf-32-le"),
    "hexadecimal": NAME.encode().hex().encode(),
    **{f"base64 after {count} bytes": base64.b64encode(b"x" * count + NAME.encode() + b"!") for count in range(4)},
    "base64 for addresses": base64.urlsafe_b64encode(b"?>" + NAME.encode() + b"?>?"),
    "base64 of UTF-16": base64.b64encode(NAME.encode("utf-16-le") + b"!"),
    "zlib": zlib.compress(AROUND + NAME.encode()),
    "zlib, cut off": zlib.compress(NAME.encode() + os.urandom(2000))[:-800],
    "gzip": gzip.compress(AROUND + NAME.encode()),
    "a document's zip": zipped(AROUND + NAME.encode()),
    "bzip2": bz2.compress(AROUND + NAME.encode()),
    "xz": lzma.compress(AROUND + NAME.encode()),
    "packed twice": gzip.compress(zipped(base64.b64encode(b"xx" + NAME.encode() + b"!"))),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
@pytest.mark.parametrize("before", [b"", AROUND, bytes(1001)])
def test_what_is_planted_is_found(planted: bytes, before: bytes) -> None:
    assert found(before + planted + os.urandom(100), {"word": forms(NAME)})


def test_what_is_not_there_is_not_found() -> None:
    other = b"".join(PLANTED.values()).replace(b"phyrine", b"phyrinf")
    secrets = {"word": forms("Philibert"), "key": forms(os.urandom(32))}
    assert found(other + os.urandom(100_000), secrets) == set()


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_sound_is_found_as_numbers(kind: str) -> None:
    samples = np.sin(np.arange(64, dtype=np.float32) * 0.3) * 0.2
    looks = {"sound": sound_forms(samples.astype(np.float32))}
    content = b"RIFF" + samples.astype(np.float32).astype(kind).tobytes() + b"more"
    assert found(content, looks)
    assert found(b"RIFFx" + np.round(samples * 32767).astype("<i2").tobytes(), looks)
    assert found(base64.b64encode(b"x" + np.round(samples * 32768).astype("<i2").tobytes() + b"y"), looks)
    assert not found(b"RIFF" + (samples * 0.9).astype(kind).tobytes(), looks)
