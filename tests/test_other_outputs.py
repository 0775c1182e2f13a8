"""Other outputs than the voice's own: one that is taken in its place, and one on which the animator hears it too."""

from __future__ import annotations

import os
import signal

import pytest

from facilitator.monitoring import Monitor
from speech.playback.device import DeviceSink
from tests.test_device_mouth import LOST, RECOVERED, Stage, stage

__all__ = ["stage"]  # the fixture


async def test_another_device_is_taken_at_once_in_place_of_one_that_stays_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.mouth, "RETRY_SECONDS", 3600.0)
    await stage.sink.open()
    (stage.folder / "missing").touch()
    os.kill(stage.children()[0], signal.SIGKILL)
    await stage.until(lambda: len(stage.children()) == 2)
    (stage.folder / "missing").unlink()
    stage.mouth.use("other")
    await stage.until(lambda: stage.told() == [LOST, RECOVERED])
    stage.play("p1")
    await stage.until(lambda: stage.of("PromptEnded") == ["PromptEnded p1 whole"])


async def test_the_animator_hears_the_voice_too_and_a_loss_there_costs_the_call_nothing(stage: Stage) -> None:
    lines: list[str] = []
    monitor = DeviceSink("headset")
    stage.mouth._monitor = Monitor(stage.timeline, monitor, lines.append)
    await stage.mouth.open()
    await stage.until(lambda: stage.sink.is_open and monitor.is_open)
    stage.play("p1")
    await stage.until(lambda: stage.of("PromptEnded") == ["PromptEnded p1 whole"])
    assert stage.commands().count("P") == 2
    assert monitor._process is not None
    os.kill(monitor._process.pid, signal.SIGKILL)
    await stage.until(lambda: lines == ["monitor_lost"])
    stage.play("p2")
    await stage.until(lambda: stage.of("PromptEnded")[1:] == ["PromptEnded p2 whole"])
    await stage.until(lambda: monitor.is_open)
    stage.play("p3", 1.0)
    await stage.until(lambda: lines == ["monitor_lost", "monitor_back"] and "PromptStarted p3" in stage.told())
    stage.mouth.stop(0.3)
    await stage.until(lambda: stage.of("PromptEnded")[2:] == ["PromptEnded p3 stopped"])
    await stage.until(lambda: stage.commands().count("S") == 2)
    assert stage.of("Device") == []
    await monitor.close()
