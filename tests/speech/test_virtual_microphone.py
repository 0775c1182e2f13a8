"""The virtual microphone that the sound server mixes, on a real one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from speech import virtual_microphone as virtual
from speech.devices import find_device
from speech.errors import DeviceNotFoundError, VirtualMicrophoneError
from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.pulse import PulseServer

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(own_pulse: PulseServer) -> PulseServer:
    """Return a server on which somebody speaks into the microphone `desk_mic` by playing into `desk`."""
    own_pulse.pactl("load-module", "module-null-sink", "sink_name=desk")
    own_pulse.pactl("load-module", "module-remap-source", "master=desk.monitor", "source_name=desk_mic")
    own_pulse.pactl("set-default-source", "desk_mic")
    return own_pulse


def modules(pulse: PulseServer) -> list[str]:
    return pulse.pactl("list", "short", "modules").splitlines()


def tone(folder: Path, hertz: float) -> Path:
    path = folder / f"{hertz:.0f}.wav"
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    write_wav(path, Sound((0.2 * np.sin(2 * np.pi * hertz * times)).astype(np.float32), RATE_HZ))
    return path


def test_the_microphone_and_the_voice_are_both_in_it(desk: PulseServer, tmp_path: Path) -> None:
    assert virtual.make() == "desk_mic"
    assert find_device(virtual.SINK, "output").description == "Facilitator Voice"
    listed = find_device(virtual.MICROPHONE, "input")
    assert (listed.description, listed.is_monitor) == (virtual.DESCRIPTION, False)
    desk.start_playing("desk", tone(tmp_path, 400))
    desk.start_playing(virtual.SINK, tone(tmp_path, 1000))
    heard = desk.record(virtual.SINK, 4.5)  # an idle sink takes some 2 s to run in true time
    spectrum = np.abs(np.fft.rfft(heard))
    frequencies = np.fft.rfftfreq(len(heard), 1 / RATE_HZ)

    def strength(hertz: float) -> float:
        return float(spectrum[np.abs(frequencies - hertz) < 5].max())

    assert strength(400) > 100 * strength(700)
    assert strength(1000) > 100 * strength(700)


def test_making_it_twice_changes_nothing_and_removing_it_leaves_what_was_there(desk: PulseServer) -> None:
    desk.pactl("load-module", "module-null-sink", "sink_name=somebody_elses")
    before = modules(desk)
    virtual.make()
    once = modules(desk)
    assert len(once) == len(before) + 3
    virtual.make()
    assert modules(desk) == once
    assert virtual.remove() == 3
    assert modules(desk) == before
    assert virtual.remove() == 0


def test_what_is_missing_is_made_again_and_another_microphone_takes_over(desk: PulseServer) -> None:
    virtual.make()
    loopback = virtual.made()[-1]
    desk.pactl("unload-module", loopback.index)
    virtual.make("desk_mic")
    kept = {module.kind: module.index for module in virtual.made()}
    assert len(kept) == 3
    assert virtual.make("vmic_mic") == "vmic_mic"
    after = {module.kind: module for module in virtual.made()}
    assert "source=vmic_mic " in after["module-loopback"].argument
    assert after["module-null-sink"].index == kept["module-null-sink"]


def test_a_microphone_that_is_unplugged_never_gives_way_to_the_calls_own_sound(desk: PulseServer) -> None:
    virtual.make()
    plugged = next(line.split("\t")[0] for line in modules(desk) if "source_name=desk_mic" in line)
    desk.pactl("unload-module", plugged)
    sources = {line.split("\t")[0]: line.split("\t")[1] for line in desk.pactl("list", "short", "sources").splitlines()}
    carried = [line for line in desk.pactl("list", "short", "source-outputs").splitlines() if "module-loopback" in line]
    assert not carried, sources
    assert [module.kind for module in virtual.made()] == ["module-null-sink", "module-remap-source"]


@pytest.mark.parametrize("name", ["call.monitor", f"{virtual.SINK}.monitor", virtual.MICROPHONE])
def test_what_would_send_the_call_back_to_itself_is_refused(desk: PulseServer, name: str) -> None:
    virtual.make()
    before = modules(desk)
    with pytest.raises(VirtualMicrophoneError, match=r"[Nn]ame your own with --microphone, such as vmic_mic\.$"):
        virtual.make(name)
    assert modules(desk) == before


def test_an_unknown_microphone_is_told_and_nothing_is_made(desk: PulseServer) -> None:
    with pytest.raises(DeviceNotFoundError, match="desk_mic"):
        virtual.make("desk_mick")
    assert virtual.made() == []


def test_without_a_sound_server_the_sentence_says_what_to_start(desk: PulseServer) -> None:
    desk.kill()
    with pytest.raises(VirtualMicrophoneError, match=re.escape("start PulseAudio or PipeWire")):
        virtual.make()
    with pytest.raises(VirtualMicrophoneError, match=re.escape("start PulseAudio or PipeWire")):
        virtual.remove()


def test_a_server_that_refuses_is_told_in_one_sentence(desk: PulseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "_wanted", lambda _: {"module-of-nobody": ""})
    with pytest.raises(VirtualMicrophoneError, match=r"^The sound server would not load-module module-of-nobody: "):
        virtual.make()
