"""CALL.toml: what it means, and one sentence for each mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facilitator.call import MICROPHONE_CHANNEL, MIXED_CHANNEL, Call, load_call, read_call
from facilitator.catalog import load_process
from facilitator.core import events as ev
from facilitator.core.process import Participant
from facilitator.errors import CallError
from speech.ports import RATE_HZ, Sound
from speech.sound import write_flac, write_wav

CODEV = load_process("codev")
STEP = '[[steps]]\nid = "welcome"\nat = 0.0\nminutes = 1.0\n'
ANIMATOR = '[[participants]]\nname = "Isa"\nrole = "animator"\n'
PEOPLE = """
[[participants]]
name = "Camille"
role = "client"
track = "camille.wav"

[[participants]]
name = "Nour"
role = "consultant"
track = "nour.wav"
"""


def noise(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(3).normal(0, 0.01, round(seconds * RATE_HZ)).astype(np.float32)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with small recordings, good and bad."""
    folder = tmp_path_factory.mktemp("call")
    for name, seconds in (("camille", 6.0), ("nour", 6.0), ("animator", 6.0), ("short", 3.0), ("call", 6.0)):
        write_wav(folder / f"{name}.wav", Sound(noise(seconds), RATE_HZ))
    write_flac(folder / "call.flac", noise(6.0))
    for name in ("call.wav", "call.flac"):
        whole = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.flac").write_text("Bonjour à tous.\n" * 100, encoding="utf-8")
    (folder / "zeros.wav").write_bytes(bytes(4000))
    return folder


@pytest.fixture
def load(recordings: Path) -> Callable[[str], Call]:
    """Return what loads a CALL.toml of this text, beside the recordings."""

    def load_text(text: str) -> Call:
        path = recordings / "CALL.toml"
        path.write_text(text, encoding="utf-8")
        return load_call(path, read_call(path), CODEV)

    return load_text


Load = Callable[[str], Call]


def test_one_mixed_recording_is_one_channel(load: Load) -> None:
    call = load(f'audio = "call.flac"\n{STEP}')
    assert [(track.channel, track.path.name) for track in call.tracks] == [(MIXED_CHANNEL, "call.flac")]
    assert call.tracks[0].seconds == pytest.approx(6.0)
    assert call.length == pytest.approx(6.0)
    assert call.participants == ()
    assert call.warnings == ()


def test_what_is_left_out_has_the_interfaces_defaults(load: Load) -> None:
    file = load(f'audio = "call.flac"\n{STEP}').file
    assert (file.process, file.duration, file.language, file.address) == ("codev", 60, "fr", "tu")


def test_each_track_is_its_persons_channel_and_the_mix_is_not_heard(load: Load) -> None:
    call = load(f'audio = "missing.flac"\n{PEOPLE}{STEP}')
    assert [(track.channel, track.path.name) for track in call.tracks] == [
        ("Camille", "camille.wav"),
        ("Nour", "nour.wav"),
    ]
    assert call.participants == (
        Participant("Camille", "client", "Camille"),
        Participant("Nour", "consultant", "Nour"),
    )
    assert call.warnings == ()


@pytest.mark.parametrize("heard", ['audio = "call.wav"\n', ""])
def test_the_animators_own_recording_is_the_animators_channel(load: Load, heard: str) -> None:
    people = "" if heard else PEOPLE
    call = load(f'{heard}animator_audio = "animator.wav"\n{people}{ANIMATOR}{STEP}')
    assert (call.tracks[-1].channel, call.tracks[-1].path.name) == (MICROPHONE_CHANNEL, "animator.wav")
    assert call.participants[-1] == Participant("Isa", "animator", MICROPHONE_CHANNEL)
    assert call.warnings == ()


def test_with_one_mixed_recording_nobody_has_a_channel(load: Load) -> None:
    people = '[[participants]]\nname = "Camille"\nrole = "client"\n[[participants]]\nname = "Isa"\nrole = "animator"\n'
    call = load(f'audio = "call.wav"\n{people}{STEP}')
    assert [person.channel for person in call.participants] == [None, None]
    assert call.warnings == ()


def test_somebody_without_a_track_beside_others_with_one_is_a_warning(load: Load) -> None:
    deaf = '[[participants]]\nname = "Thomas"\nrole = "consultant"\n'
    call = load(f"{PEOPLE}{deaf}{STEP}")
    assert call.participants[-1] == Participant("Thomas", "consultant", None)
    assert call.warnings == (("no_track", "Thomas"),)


def test_an_animator_without_a_track_is_none(load: Load) -> None:
    call = load(f'{PEOPLE}[[participants]]\nname = "Isa"\nrole = "animator"\n{STEP}')
    assert call.warnings == ()


def test_a_short_track_is_a_warning_and_the_longest_is_the_length(load: Load) -> None:
    call = load(PEOPLE.replace("nour.wav", "short.wav") + STEP)
    assert call.length == pytest.approx(6.0)
    assert call.warnings == (("track_short", "Nour"),)
    call = load(f'audio = "call.wav"\nanimator_audio = "short.wav"\n{STEP}')
    assert call.warnings == (("track_short", MICROPHONE_CHANNEL),)


def test_steps_without_minutes_take_the_meetings_and_the_others_their_own(load: Load) -> None:
    steps = "".join(
        f'[[steps]]\nid = "{step}"\nat = {at}\n{minutes}\n'
        for step, at, minutes in (("presentation", 0, ""), ("contract", 2, "minutes = 1.5"), ("synthesis", 4.5, ""))
    )
    call = load(f'duration = 60\naudio = "call.wav"\n{steps}')
    assert call.seconds == {"presentation": 300.0, "contract": 90.0, "synthesis": 420.0}
    assert list(call.seconds) == ["presentation", "contract", "synthesis"]
    assert [(type(event), event.at) for event in call.events] == [
        (ev.StartAsked, 0.0),
        (ev.NextAsked, 2.0),
        (ev.NextAsked, 4.5),
    ]


def test_a_short_meeting_whose_steps_all_have_minutes_can_be_held(load: Load) -> None:
    assert load(f'duration = 3\naudio = "call.wav"\n{STEP}').seconds == {"welcome": 60.0}


def test_commands_come_in_the_order_of_their_times_after_a_step_change(load: Load) -> None:
    commands = """
[[commands]]
at = 5.0
command = "read_back"
record = "contract"

[[commands]]
at = 2.0
command = "mark_contract"
agreed_by = "Camille"

[[commands]]
at = 2.0
command = "extend"
minutes = 1
"""
    steps = '[[steps]]\nid = "welcome"\nat = 0.0\n[[steps]]\nid = "contract"\nat = 2.0\n'
    assert load(f'audio = "call.wav"\n{steps}{commands}').events == (
        ev.StartAsked(at=0.0),
        ev.NextAsked(at=2.0),
        ev.RecordMarked(at=2.0, record="contract", agreed_by="Camille"),
        ev.ExtendAsked(at=2.0, seconds=60.0),
        ev.ReadBackAsked(at=5.0, record="contract"),
    )


def test_paths_are_relative_to_the_file_and_may_be_absolute(recordings: Path, tmp_path: Path) -> None:
    path = tmp_path / "CALL.toml"
    path.write_text(f"audio = '{recordings / 'call.wav'}'\n{STEP}", encoding="utf-8")
    assert load_call(path, read_call(path), CODEV).tracks[0].path == recordings / "call.wav"


AUDIO = 'audio = "call.wav"\n'
COMMAND = '[[commands]]\nat = {at}\ncommand = "{name}"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        # the file itself
        ("audio = ", "{path} is not valid TOML: Invalid value (at end of document)."),
        (AUDIO, "{path}: the key 'steps' is missing; add it."),
        (f"steps = []\n{AUDIO}", "{path}: the key 'steps' is wrong: tuple should have at least 1 item"),
        (f"{AUDIO}sound = 1\n{STEP}", "{path}: the key 'sound' is unknown; "),
        (f"{AUDIO}durations = 60\n{STEP}", "{path}: the key 'durations' is unknown; did you mean 'duration'?"),
        (f'{AUDIO}duration = "60"\n{STEP}', "{path}: the key 'duration' is wrong: it must be a whole number."),
        (f"{AUDIO}duration = 0\n{STEP}", "{path}: the key 'duration' is wrong: input should be greater than 0."),
        (f"{AUDIO}language = 1\n{STEP}", "{path}: the key 'language' is wrong: it must be text in quotes."),
        (f'{AUDIO}address = "Sie"\n{STEP}', "{path}: the key 'address' is wrong: input should be 'tu' or 'vous'."),
        (f"audio = true\n{STEP}", "{path}: the key 'audio' is wrong: it must be text in quotes."),
        (f"{AUDIO}steps = 3\n", "{path}: the key 'steps' is wrong: it must be a list in brackets."),
        (
            f'{AUDIO}[[steps]]\nid = "welcome"\nat = "0"\n',
            "{path}: the key 'steps.0.at' is wrong: it must be a number.",
        ),
        (f'{AUDIO}[[steps]]\nid = "welcome"\nat = nan\n', "{path}: the key 'steps.0.at' is wrong: "),
        (f'{AUDIO}[[steps]]\nid = "welcome"\nat = -1\n', "{path}: the key 'steps.0.at' is wrong: "),
        (f'{AUDIO}[[steps]]\nid = "welcome"\n', "{path}: the key 'steps.0.at' is missing; add it."),
        (
            f'{AUDIO}[[steps]]\nid = "welcome"\nat = 0\nminute = 2\n',
            "{path}: the key 'steps.0.minute' is unknown; did you mean 'minutes'?",
        ),
        (
            f'{AUDIO}{STEP}[[participants]]\nname = ""\nrole = "client"\n',
            "{path}: the key 'participants.0.name' is wrong",
        ),
        # people
        (
            f'{AUDIO}{STEP}[[participants]]\nname = "C"\nrole = "klient"\n',
            "{path}: the role 'klient' is unknown in 'codev'; did you mean 'client'?",
        ),
        (
            PEOPLE.replace("Nour", "Camille") + STEP,
            "{path}: two participants have the same name; give each a name of their own.",
        ),
        (
            f'animator_audio = "animator.wav"\n{PEOPLE}{ANIMATOR}track = "animator.wav"\n{STEP}',
            "{path}: the animator has both a track and animator_audio; keep one of them.",
        ),
        (
            f'animator_audio = "animator.wav"\n{PEOPLE.replace("Nour", "microphone")}{STEP}',
            "{path}: 'microphone' stands for animator_audio; give that participant a name.",
        ),
        # recordings
        (STEP, '{path}: nothing is recorded; give audio = "…", or a track to each participant.'),
        (f'animator_audio = "animator.wav"\n{STEP}', "{path}: nothing is recorded; "),
        (f'audio = "gone.flac"\n{STEP}', "The recording gone.flac is missing: check where it should be."),
        (f'audio = "empty.wav"\n{STEP}', "The recording empty.wav is empty: choose another one."),
        (f'audio = "text.flac"\n{STEP}', "The recording text.flac "),
        (f'audio = "zeros.wav"\n{STEP}', "The recording zeros.wav cannot be read: convert it to WAV or FLAC."),
        (f'audio = "."\n{STEP}', "The recording"),
        (f'audio = "cut-call.wav"\n{STEP}', "The recording cut-call.wav is cut off at 3 s of 6 s: export it again."),
        (f'audio = "cut-call.flac"\n{STEP}', "The recording cut-call.flac is cut off at 3 s of 6 s: export it again."),
        (PEOPLE.replace("nour.wav", "gone.wav") + STEP, "The recording gone.wav is missing: check where it should be."),
        (f'{AUDIO}animator_audio = "gone.wav"\n{STEP}', "The recording gone.wav is missing: check where it should be."),
        # steps
        (
            f'{AUDIO}[[steps]]\nid = "presentaton"\nat = 0\n',
            "{path}: the step 'presentaton' is unknown in 'codev'; did you mean 'presentation'?",
        ),
        (
            f'{AUDIO}{STEP}[[steps]]\nid = "welcome"\nat = 2\n',
            "{path}: the step 'welcome' is there twice; keep one.",
        ),
        (
            f'{AUDIO}[[steps]]\nid = "welcome"\nat = 2\n[[steps]]\nid = "contract"\nat = 2\n',
            "{path}: the step 'contract' does not begin after the one before; put them in order.",
        ),
        (
            f'{AUDIO}[[steps]]\nid = "welcome"\nat = 6\n',
            "{path}: the step 'welcome' begins after the recording's end at 6.0 s.",
        ),
        (
            f'{AUDIO}[[steps]]\nid = "break"\nat = 0\n',
            "{path}: the step 'break' has no minutes in a 60-minute meeting; give them.",
        ),
        (
            f'duration = 5\n{AUDIO}[[steps]]\nid = "welcome"\nat = 0\n',
            "{path}: 5 minutes are too short: each step needs at least one minute.",
        ),
        # commands
        (
            AUDIO + STEP + COMMAND.format(at=1, name="mark_contrat"),
            "{path}, at 1 s: There is no command 'mark_contrat'; did you mean 'mark_contract'?",
        ),
        (
            AUDIO + STEP + COMMAND.format(at=1, name="extend"),
            "{path}, at 1 s: The command 'extend' cannot be done: its values: give either seconds or minutes.",
        ),
        (
            AUDIO + STEP + COMMAND.format(at=6.5, name="hush"),
            "{path}: the command 'hush' at 6.5 s comes after the recording's end.",
        ),
        (AUDIO + STEP + '[[commands]]\ncommand = "hush"\n', "{path}: the key 'commands.0.at' is missing; add it."),
        (AUDIO + STEP + "[[commands]]\nat = 1\n", "{path}: the key 'commands.0.command' is missing; add it."),
    ],
)
def test_a_mistake_is_one_sentence_that_says_where(load: Load, recordings: Path, text: str, sentence: str) -> None:
    with pytest.raises(CallError) as caught:
        load(text)
    assert str(caught.value).startswith(sentence.format(path=recordings / "CALL.toml"))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"There is no file .*CALL\.toml: check its name\."):
        read_call(tmp_path / "CALL.toml")


def test_the_head_of_a_wav_file_that_was_never_completed_is_not_believed(recordings: Path, load: Load) -> None:
    wav = bytearray((recordings / "call.wav").read_bytes())
    for unknown in (0xFFFFFFFF, 0x7FFFFFFF, 0):
        wav[40:44] = unknown.to_bytes(4, "little")  # the length of its data: a recorder that streams cannot know it
        (recordings / "streamed.wav").write_bytes(wav)
        assert load(f'audio = "streamed.wav"\n{STEP}').length == pytest.approx(6.0)
