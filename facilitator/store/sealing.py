"""How a record is sealed: encrypted, and bound to its session, its place and the record before it.

Rules:

- AES-GCM with the session's own key of 256 bits and a random nonce of 96 bits, never a counter: a counter comes twice
  after a file was put back.
- Associated data are session, sequence number, kind, schema version and the tag of the record before: a record that was
  moved, doubled, pasted in from elsewhere, or whose predecessor is gone, does not open.
- The head holds how many records there are and whether the session is closed, bound to the last record's tag: a file
  whose tail was cut off does not open.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEMA = 3
"""Version of what a store holds and of how it is bound. In 1 the kinds of records stood beside them in clear, in 2 the
names of the utterances whose sound waits."""
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
NO_TAG = bytes(TAG_BYTES)
"""What stands for the tag before the first record."""
_HEAD = "head"
_HEAD_FORM = struct.Struct(">Q?")


class UnsealError(Exception):
    """Something does not open: it was changed, moved or cut off, or the key is another's."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A nonce, and what was encrypted with its tag at the end."""

    nonce: bytes
    ciphertext: bytes

    @property
    def tag(self) -> bytes:
        """The tag, which the next record is bound to."""
        return self.ciphertext[-TAG_BYTES:]


@dataclass(frozen=True, slots=True)
class Head:
    """How many records there are, and whether none will follow."""

    count: int
    closed: bool


class Seal:
    """Seals and opens the records of one session."""

    def __init__(self, session: str, key: bytes) -> None:
        self._session = session
        self._cipher = AESGCM(key)

    def close(self, sequence: int, kind: str, payload: bytes, before: bytes) -> Sealed:
        """Return `payload` as the record of this number, from 1, and kind; `before` is the predecessor's tag."""
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(nonce, self._cipher.encrypt(nonce, payload, self._bound(sequence, kind, before)))

    def open(self, sequence: int, kind: str, sealed: Sealed, before: bytes) -> bytes:
        """Return what `close` was given.

        Raises:
            UnsealError: it was not sealed so.
        """
        if len(sealed.nonce) != NONCE_BYTES or len(sealed.ciphertext) < TAG_BYTES:
            raise UnsealError
        try:
            return self._cipher.decrypt(sealed.nonce, sealed.ciphertext, self._bound(sequence, kind, before))
        except InvalidTag:
            raise UnsealError from None

    def close_head(self, head: Head, last: bytes) -> Sealed:
        """Return the sealed head; `last` is the last record's tag."""
        return self.close(0, _HEAD, _HEAD_FORM.pack(head.count, head.closed), last)

    def open_head(self, sealed: Sealed, last: bytes) -> Head:
        """Return what `close_head` was given.

        Raises:
            UnsealError: it was not sealed so.
        """
        payload = self.open(0, _HEAD, sealed, last)
        if len(payload) != _HEAD_FORM.size:
            raise UnsealError
        return Head(*_HEAD_FORM.unpack(payload))

    def _bound(self, sequence: int, kind: str, before: bytes) -> bytes:
        return json.dumps([self._session, sequence, kind, SCHEMA, before.hex()]).encode()
