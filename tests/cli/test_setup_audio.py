"""`facilitator setup-audio`: made on the sound server, or explained where a virtual device of others is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from facilitator.cli.setup_audio import explain
from facilitator.errors import UsageError
from speech.devices import Device
from tests.cli.command import facilitator
from tests.pulse import PulseServer

OWN = Device("Headset", "input", "Headset", is_default=True, is_monitor=False)


@pytest.mark.e2e
def test_it_is_made_told_and_removed(tmp_path: Path) -> None:
    with PulseServer() as pulse:
        pulse.pactl("set-default-source", "vmic_mic")
        before = pulse.pactl("list", "short", "modules")
        done = facilitator("setup-audio", cwd=tmp_path, changes=pulse.changes)
        assert (done.code, done.err) == (0, "")
        assert 'voice_output = "facilitator"' in done.out
        assert "“Facilitator Microphone”" in done.out
        assert "it carries vmic_mic and the voice" in done.out
        gone = facilitator("setup-audio", "--remove", cwd=tmp_path, changes=pulse.changes)
        assert (gone.code, gone.out) == (0, "✓ The virtual microphone is gone.\n")
        assert pulse.pactl("list", "short", "modules") == before
        again = facilitator("setup-audio", "--remove", cwd=tmp_path, changes=pulse.changes)
        assert (again.code, again.out) == (0, "There was no virtual microphone of ours.\n")


@pytest.mark.e2e
def test_the_calls_own_sound_is_no_microphone_whatever_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[audio]\nmicrophone_input = "call.monitor"\n')
    with PulseServer() as pulse:
        done = facilitator("setup-audio", "--config", tmp_path / "mine.toml", cwd=tmp_path, changes=pulse.changes)
        assert (done.code, done.out) == (1, "")
        assert "the call would hear itself" in done.sentence
        assert "facilitator" not in pulse.pactl("list", "short", "sinks")


def test_without_a_sound_server_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    done = facilitator("setup-audio", cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.sentence.startswith("No sound server answers: start ")


def test_removing_takes_no_microphone(tmp_path: Path) -> None:
    done = facilitator("setup-audio", "--remove", "--microphone", "x", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "--remove" in done.sentence


@pytest.mark.parametrize(
    ("platform", "output", "heard"),
    [
        ("win32", "CABLE Input (VB-Audio Virtual Cable)", "CABLE Output (VB-Audio Virtual Cable)"),
        ("darwin", "BlackHole 2ch", "BlackHole 2ch"),
    ],
)
def test_elsewhere_what_to_choose_is_told_by_the_virtual_devices_own_names(
    platform: str, output: str, heard: str
) -> None:
    devices = (
        Device(heard, "input", heard, is_default=False, is_monitor=False),
        OWN,
        Device(output, "output", output, is_default=False, is_monitor=False),
    )
    told = "\n".join(explain(platform, devices))
    assert f'voice_output = "{output}"' in told
    assert f'microphone_to_call = "{OWN.name}"' in told
    assert "voice_monitor = " in told
    assert f"take “{heard}” as the microphone" in told


@pytest.mark.parametrize(("platform", "what"), [("win32", "VB-Cable"), ("darwin", "BlackHole")])
def test_elsewhere_a_missing_virtual_device_is_told_with_where_to_get_it(platform: str, what: str) -> None:
    with pytest.raises(UsageError, match=f"No virtual device is installed: get {what}"):
        explain(platform, (OWN,))
