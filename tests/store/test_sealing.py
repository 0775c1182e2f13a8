"""A record opens as what it was sealed as, and as nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from facilitator.store import sealing
from facilitator.store.sealing import NO_TAG, Head, Seal, Sealed, UnsealError

KEY = bytes(range(32))
PLACE: dict[str, Any] = {"sequence": 2, "kind": "text", "before": b"\x01" * 16}


@pytest.fixture
def sealed() -> Sealed:
    return Seal("one", KEY).close(**PLACE, payload=b"words")


def test_a_record_opens_in_its_place(sealed: Sealed) -> None:
    assert Seal("one", KEY).open(**PLACE, sealed=sealed) == b"words"


@pytest.mark.parametrize("changed", [{"sequence": 3}, {"kind": "course"}, {"before": NO_TAG}])
def test_a_record_opens_in_no_other_place(sealed: Sealed, changed: dict[str, Any]) -> None:
    with pytest.raises(UnsealError):
        Seal("one", KEY).open(**(PLACE | changed), sealed=sealed)


def test_a_record_opens_in_no_other_session_and_with_no_other_key(sealed: Sealed) -> None:
    for other in (Seal("two", KEY), Seal("one", bytes(32))):
        with pytest.raises(UnsealError):
            other.open(**PLACE, sealed=sealed)


def test_a_record_of_another_schema_does_not_open(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SCHEMA", sealing.SCHEMA + 1)
    with pytest.raises(UnsealError):
        Seal("one", KEY).open(**PLACE, sealed=sealed)


@pytest.mark.parametrize("changed", [{"nonce": b""}, {"ciphertext": b""}, {"nonce": bytes(12)}])
def test_what_is_no_record_does_not_open(sealed: Sealed, changed: dict[str, Any]) -> None:
    with pytest.raises(UnsealError):
        Seal("one", KEY).open(**PLACE, sealed=dataclasses.replace(sealed, **changed))


def test_no_nonce_comes_twice() -> None:
    seal = Seal("one", KEY)
    assert len({seal.close(**PLACE, payload=b"").nonce for _ in range(1000)}) == 1000


def test_a_head_opens_with_its_last_tag_alone(sealed: Sealed) -> None:
    seal = Seal("one", KEY)
    head = seal.close_head(Head(2, closed=True), sealed.tag)
    assert seal.open_head(head, sealed.tag) == Head(2, closed=True)
    with pytest.raises(UnsealError):
        seal.open_head(head, NO_TAG)
    with pytest.raises(UnsealError):
        seal.open_head(seal.close(0, "head", b"short", sealed.tag), sealed.tag)
