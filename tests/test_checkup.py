"""What the check-up says where a system has no means to confine us."""

from __future__ import annotations

import pytest

from facilitator import checkup
from facilitator.checkup import UNCONFINED, Finding
from speech.confinement import CORE, MEMORY, NETWORK


@pytest.mark.parametrize("refused", [(CORE,), (MEMORY, NETWORK), (CORE, MEMORY, NETWORK)])
def test_what_is_refused_here_is_said_and_no_more(refused: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "refused_here", lambda: refused)
    told = checkup._confinement()
    assert (told.part, told.status) == ("confinement", "note")
    assert {name for name, sentence in UNCONFINED.items() if sentence in told.message} == set(refused)


def test_where_nothing_is_refused_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "refused_here", tuple)
    assert isinstance(told := checkup._confinement(), Finding)
    assert told.status == "ok"
