"""`events.jsonl` holds every word: it is for the user alone, also where one of before was open to others."""

from __future__ import annotations

import stat
from pathlib import Path

from facilitator.eventlog import EventLog


async def test_it_is_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("of before")
    path.chmod(0o644)
    log = EventLog(path)
    log.append({"type": "written", "text": "Aidez-moi."})
    await log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8") == '{"type": "written", "text": "Aidez-moi."}\n'
