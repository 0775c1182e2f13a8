"""Files of a store that anything may have happened to: read as they were written, or one sentence says why not."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.errors import StoreDamagedError, StoreError
from facilitator.store.contents import CHOSEN, COURSE, DELIVERED, TEXT, chosen_entry, course_entry, fold
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import KeptSound
from tests.store.meetings import chosen, in_contract

NAME = "2026-11-24-0930-a1b2"
ENTRIES = [Entry("chosen", b"{}"), Entry("text", b"Aidez-moi, Camille."), Entry("course", bytes(3000))]
EXAMPLES = [300, pytest.param(20_000, marks=pytest.mark.soak)]

_places = st.floats(0.0, 1.0)
"""Where in a file, as a part of it: most of a file's bytes are of some use."""
_pieces = st.one_of(st.binary(min_size=1, max_size=64), st.just(bytes(512)), st.just(b"\xff" * 512))
_changes = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _places, _pieces),
        st.tuples(st.just("insert"), _places, _pieces),
        st.tuples(st.just("cut"), _places, st.just(b"")),
        st.tuples(st.just("copy"), _places, st.integers(0, 40).map(lambda page: page.to_bytes(1))),
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """Return `content` after what happened to it."""
    for kind, part, piece in changes:
        place = round(part * len(content))
        if kind == "put":
            content = content[:place] + piece + content[place + len(piece) :]
        elif kind == "insert":
            content = content[:place] + piece + content[place:]
        elif kind == "cut":
            content = content[:place]
        elif content:
            source = piece[0] * 512 % len(content)
            content = content[:place] + content[source : source + 512] + content[place + 512 :]
    return content


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    found = Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))
    store = SessionStore.create(found.folder, NAME, found.keys)
    store.append(*ENTRIES[:1])
    store.append(*ENTRIES[1:])
    store.mark()
    store.close()
    return found


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_changed_file_is_read_as_it_was_written_or_refused(
    sessions: Sessions, tmp_path: Path, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    counts: Counter[str] = Counter()

    @settings(max_examples=examples)
    @given(file=st.sampled_from(sorted(files)), journal=st.one_of(st.none(), st.binary(max_size=600)), changes=_changes)
    def attempt(file: Path, journal: bytes | None, changes: list[tuple[str, float, bytes]]) -> None:
        for path, content in files.items():
            path.write_bytes(changed(content, changes) if path == file else content)
        beside = sessions.folder / f"{NAME}.session-journal"
        beside.unlink(missing_ok=True)
        if journal is not None:
            beside.write_bytes(journal)
        said = ""
        try:
            store = SessionStore.open(sessions.folder, NAME, sessions.keys)
            try:
                assert list(store.read()) == ENTRIES
                assert store.sounds() == ()
            finally:
                store.close()
        except StoreError as error:
            said = str(error)
        assert "Camille" not in said
        assert said == "" or said.endswith(".")
        counts["refused" if said else "read as it was written"] += 1
        sessions.listed()
        counts["files tried"] += 1

    attempt()
    with capsys.disabled():
        sys.stderr.write("".join(f"\n  {name}: {count}" for name, count in sorted(counts.items())) + "\n")
    assert counts["refused"] > 0
    assert counts["files tried"] >= examples


_payloads = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=20)),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=8), inner)),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


@given(st.lists(st.tuples(st.sampled_from([CHOSEN, COURSE, TEXT, DELIVERED, "other"]), _payloads), max_size=5))
def test_records_of_any_content_are_one_sentence(found: list[tuple[str, bytes]]) -> None:
    durable = in_contract().durable()
    whole = [chosen_entry(chosen()), course_entry(1.0, 2.0, durable.course)]
    for entries in ([Entry(*one) for one in found], [*whole, *(Entry(*one) for one in found)]):
        with suppress(StoreDamagedError):
            fold(NAME, entries)


@given(st.binary(max_size=400))
def test_sound_of_any_content_is_sound_or_none(data: bytes) -> None:
    found = KeptSound.from_bytes(data)
    assert found is None or found.to_bytes()


def test_a_folder_with_anything_in_it_is_listed(sessions: Sessions) -> None:
    (sessions.folder / "2026-11-24-0931-a1b2.session").mkdir()
    (sessions.folder / "2026-11-24-0932-a1b2.session").symlink_to("nowhere")
    (sessions.folder / "2026-11-24-0933-a1b2.session").write_bytes(b"")
    if sys.platform != "win32":
        os.mkfifo(sessions.folder / "2026-11-24-0934-a1b2.session")
    assert {one.session: one.state for one in sessions.listed()} == {
        NAME: "damaged",
        "2026-11-24-0933-a1b2": "damaged",
    }
    assert sessions.unfinished() is None
