"""The sample session: what its scripts promise, and how they become a recorded call."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from facilitator import demo
from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.demo import AFTER_OPENING_SECONDS, CUT_AFTER_SECONDS, Line, Script, load_script, make_call
from facilitator.errors import CatalogError
from facilitator.languages import load_language
from speech.capture.files import read_audio
from speech.ports import RATE_HZ

CODEV = load_process("codev")
LANGUAGES = ("fr", "en")


@pytest.fixture(params=LANGUAGES)
def script(request: pytest.FixtureRequest) -> Script:
    return load_script(request.param)


def lines(script: Script) -> list[Line]:
    return [line for step in script.steps for line in step.lines]


def test_a_language_without_a_script_is_refused_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match=r"There is no sample session in 'de'; there are en, fr\."):
        load_script("de")


def test_it_holds_every_step_in_order_and_leaves_the_break_out(script: Script) -> None:
    assert [step.id for step in script.steps] == [step.id for step in CODEV.steps if step.id != "break"]


def test_it_has_four_or_more_voices_that_differ_and_every_role(script: Script) -> None:
    voices = {(speaker.voice, speaker.pitch) for speaker in script.speakers.values()}
    assert len(voices) == len(script.speakers) >= 4
    assert {speaker.role for speaker in script.speakers.values()} == set(CODEV.roles)


def test_everybody_in_it_says_something_and_nobody_else(script: Script) -> None:
    assert {line.who for line in lines(script) if line.say} == set(script.speakers)


def test_it_has_acknowledgements_a_talk_over_a_cut_and_an_overrun(script: Script) -> None:
    short = [line for line in lines(script) if line.over is not None and len(line.say.split()) <= 2]
    long = [line for line in lines(script) if line.over is not None and len(line.say.split()) > 4]
    assert len(short) >= 2
    assert len(long) == 1
    assert len([line for line in lines(script) if line.cut is not None]) == 1


def test_what_it_commands_is_marked_and_read_back(script: Script) -> None:
    commands = [line.command for line in lines(script) if line.command]
    assert "mark_contract" in commands
    assert "edit_plan" in commands


def test_a_line_is_one_thing_only(script: Script) -> None:
    for line in lines(script):
        assert sum(bool(part) for part in (line.say, line.pause, line.command)) == 1
        assert bool(line.who) == bool(line.say)


def test_its_address_is_one_that_the_prompts_have(script: Script) -> None:
    assert load_language("codev", script.language, script.address or "tu").code == script.language


def small() -> Script:
    """Return a script of three lines with every way of following each other."""
    return Script.model_validate(
        {
            "language": "fr",
            "address": "tu",
            "speakers": {
                "Camille": {"role": "client", "voice": "fr+f2", "pitch": 55},
                "Nour": {"role": "consultant", "voice": "fr+m3", "pitch": 40},
            },
            "steps": [
                {
                    "id": "presentation",
                    "minutes": 0.5,
                    "lines": [
                        {"who": "Camille", "say": "Je dirige une petite équipe technique depuis la rentrée."},
                        {"who": "Nour", "say": "Oui.", "over": 0.8},
                        {"pause": 1.0},
                        {"who": "Camille", "say": "La semaine dernière, j'ai voulu lui en parler.", "gap": 0.2},
                        {"who": "Nour", "say": "Moi, j'ai vécu la même chose.", "cut": 1.0},
                    ],
                },
                {
                    "id": "contract",
                    "minutes": 0.5,
                    "lines": [{"command": "mark_contract", "agreed_by": "Camille"}, {"pause": 1.0}],
                },
            ],
        }
    )


async def test_the_call_it_makes_has_each_line_where_the_script_puts_it(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = await make_call(small(), {"presentation": 2.0}, tmp_path, lambda *progress: told.append(progress))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    call = load_call(path, read_call(path), CODEV)
    assert [track.channel for track in call.tracks] == ["Camille", "Nour"]
    assert len({track.seconds for track in call.tracks}) == 1
    assert call.seconds == {"presentation": 30.0, "contract": 30.0}
    camille, nour = (np.abs(read_audio(track.path).samples) > 0.02 for track in call.tracks)
    opening = 2.0 + AFTER_OPENING_SECONDS

    def onsets(loud: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[float]:
        """Return where speech begins after 0.4 s or more without."""
        places = np.flatnonzero(loud)
        return [float(places[i]) / RATE_HZ for i in np.flatnonzero(np.diff(places, prepend=-RATE_HZ) > 0.4 * RATE_HZ)]

    first, cut_at = onsets(camille)[0], onsets(nour)[-1]
    assert first == pytest.approx(opening + 0.7, abs=0.1)
    assert onsets(nour)[0] == pytest.approx(first + 0.8, abs=0.1)
    last_of_camille = float(np.flatnonzero(camille)[-1]) / RATE_HZ
    assert last_of_camille == pytest.approx(cut_at + CUT_AFTER_SECONDS, abs=0.15)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_it_is_made_once_and_kept_by_what_went_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await make_call(small(), {}, tmp_path, lambda *_: None)
    written = path.read_bytes()
    assert kept(tmp_path) == [path.parent.name]
    told: list[tuple[int, int]] = []
    assert await make_call(small(), {}, tmp_path, lambda *progress: told.append(progress)) == path
    assert told == []
    assert path.read_bytes() == written
    other = await make_call(small(), {"presentation": 1.0}, tmp_path, lambda *_: None)
    assert other.parent != path.parent
    monkeypatch.setattr(demo, "write_flac", _full)
    with pytest.raises(OSError, match="No space"):
        await make_call(small(), {"presentation": 3.0}, tmp_path, lambda *_: None)
    assert kept(tmp_path) == sorted((path.parent.name, other.parent.name))


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_what_the_call_says_is_what_the_script_says(tmp_path: Path) -> None:
    path = await make_call(small(), {}, tmp_path, lambda *_: None)
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [(one["name"], one["role"], one["track"]) for one in values["participants"]] == [
        ("Camille", "client", "camille.flac"),
        ("Nour", "consultant", "nour.flac"),
    ]
    assert [step["id"] for step in values["steps"]] == ["presentation", "contract"]
    assert {key: values["commands"][0][key] for key in ("command", "agreed_by")} == {
        "command": "mark_contract",
        "agreed_by": "Camille",
    }
    assert json.dumps(values)
