"""After a purge: on the disk itself, its free blocks included, there is no key, no name and no word any more.

The disk is an ext4 file system of its own, in a file whose every byte is searched. Before the purge the same search
finds the key and opens the session with it: it can find what it looks for. What a journal that SQLite removed leaves in
free blocks is encrypted, and without the key it is noise.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from facilitator.store.contents import delivery_entry
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Keeping, Storing
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sealing import KEY_BYTES, Seal
from tests import needed
from tests.store.faults import play
from tests.store.meetings import CONTRACT, chosen, session

WORDS = (CONTRACT, play.PLAN.splitlines()[0], "Camille", "Nour")
FORMS = ("utf-8", "utf-16-le")


@dataclass(frozen=True)
class Disk:
    """A file system in a file."""

    image: Path
    folder: Path

    def bytes(self) -> bytes:
        """Return every byte of it, once all is written."""
        subprocess.run(["sync", "-f", self.folder], check=True)
        return self.image.read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Return a disk of 8 MB; skips where none can be mounted."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(8_000_000)
    subprocess.run([needed.program("mkfs.ext4", package="e2fsprogs"), "-q", "-F", image], check=True)
    with needed.disk(tmp_path / "disk", "-o", "loop", image) as folder:
        yield Disk(image, folder)


def windows(raw: bytes) -> Iterator[bytes]:
    """Yield every 32 bytes of it outside free blocks, and of every 64 hexadecimal digits the 32 that they write."""
    start = 0
    while start <= len(raw) - KEY_BYTES:
        if not any(raw[start : start + 4096]):  # a free block: its windows are all zero
            start += 4096 - KEY_BYTES + 1 if start + 4096 < len(raw) else KEY_BYTES
            continue
        for place in range(start, min(start + 4096, len(raw) - KEY_BYTES + 1)):
            yield raw[place : place + KEY_BYTES]
            if raw[place] in b"0123456789abcdef":
                try:
                    digits = bytes.fromhex(raw[place : place + 2 * KEY_BYTES].decode("ascii"))
                except ValueError:
                    continue
                if len(digits) == KEY_BYTES:
                    yield digits
        start += 4096


def opener(store: Path) -> Callable[[bytes], bool]:
    """Return what tells whether a key opens the first record of a stolen copy."""
    connection = sqlite3.connect(store)
    nonce, sealed = connection.execute("SELECT nonce, ciphertext FROM records WHERE sequence=1").fetchone()
    connection.close()
    bound = Seal(store.stem, bytes(KEY_BYTES))._bound(1, "record", bytes(16))

    def opens(key: bytes) -> bool:
        try:
            AESGCM(key).decrypt(nonce, sealed, bound)
        except InvalidTag:
            return False
        return True

    return opens


async def hold(sessions: Sessions) -> str:
    """Hold a whole session with its contract, plan, sound and delivery, and return its name."""
    told: list[str] = []
    keeping = Keeping(Storing(sessions, chosen()), told.append)
    meeting = session()
    for name, events in play.steps():
        for event in events:
            meeting.receive(event)
        keeping.note(meeting.durable())
        if name == "sound":
            await keeping.flush()
            assert await keeping.keep_sound(play.SOUND)
    await keeping.flush()
    await keeping.record(delivery_entry(play.HANDED))
    await keeping.close(ended=True)
    assert told == []
    (found,) = sessions.names()
    return found


def test_after_a_purge_no_byte_of_the_disk_opens_anything(disk: Disk, tmp_path: Path) -> None:
    sessions = Sessions(disk.folder / "sessions", Keys([FileVault(disk.folder / "keys")]))
    name = asyncio.run(hold(sessions))
    stolen = tmp_path / f"{name}.session"
    stolen.write_bytes((sessions.folder / stolen.name).read_bytes())
    opens = opener(stolen)
    key, _ = sessions.keys.find(name)
    sound_key = sessions.keys.find_sound_key(name)
    assert sound_key is not None

    before = disk.bytes()
    assert key.hex().encode() in before
    assert any(opens(window) for window in windows(before))

    sessions.purge(name)
    after = disk.bytes()
    for secret in (key, sound_key):
        assert secret not in after
        assert secret.hex().encode() not in after
    assert sum(opens(window) for window in windows(after)) == 0
    for raw in (before, after):
        assert [word for word in WORDS for form in FORMS if word.encode(form) in raw] == []
