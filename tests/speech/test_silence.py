"""Silence is told by its cause, and nobody who mutes politely is alarmed about."""

from __future__ import annotations

import numpy as np
import pytest

from speech.ports import RATE_HZ
from speech.silence import SILENT_SECONDS, Condition, Silence, SilenceWatch

SECOND = np.zeros(RATE_HZ, dtype=np.float32)
NOISE = np.full(RATE_HZ, 1e-7, dtype=np.float32)
LONG = int(SILENT_SECONDS) + 1


def hear(
    watch: SilenceWatch, seconds: int, condition: Condition | None = None, *, noise: bool = False
) -> list[Silence]:
    """Return what is told during `seconds` of zeros, or of the faintest noise."""
    told = [watch.hear(NOISE if noise else SECOND, condition) for _ in range(seconds)]
    return [one for one in told if one is not None]


def call() -> SilenceWatch:
    return SilenceWatch(microphone=False, refusable=True)


def microphone(*, refusable: bool = False) -> SilenceWatch:
    return SilenceWatch(microphone=True, refusable=refusable)


CALL_CAUSES = [
    (None, Silence.NO_SOUND),
    (Condition(), Silence.NO_SOUND),
    (Condition(muted=True, playing=True), Silence.MUTED),
    (Condition(playing=False), Silence.NOTHING_PLAYS),
    (Condition(playing=False, elsewhere="headset.monitor"), Silence.WRONG_DEVICE),
]


@pytest.mark.parametrize(("condition", "cause"), CALL_CAUSES)
def test_a_call_that_never_carried_a_sound_is_told_once_by_its_cause(
    condition: Condition | None, cause: Silence
) -> None:
    watch = call()
    assert hear(watch, int(SILENT_SECONDS) - 1, condition) == []
    assert hear(watch, 60, condition) == [cause]
    assert hear(watch, 2, condition, noise=True) == [Silence.OVER]


@pytest.mark.parametrize("carried", [False, True])
def test_a_call_in_which_everybody_is_muted_is_no_fault(carried: bool) -> None:
    watch = call()
    hear(watch, 1, Condition(playing=True), noise=carried)
    assert hear(watch, 600, Condition(playing=True)) == []


def test_a_call_whose_device_tells_nothing_may_fall_silent_after_it_was_heard() -> None:
    watch = call()
    hear(watch, 1, noise=True)
    assert hear(watch, 600) == []


def test_a_call_application_that_ends_or_moves_is_told_even_after_it_was_heard() -> None:
    watch = call()
    hear(watch, 1, Condition(playing=True), noise=True)
    assert hear(watch, LONG, Condition(playing=False)) == [Silence.NOTHING_PLAYS]
    assert hear(watch, 1, Condition(playing=False, elsewhere="other.monitor")) == [Silence.WRONG_DEVICE]
    assert hear(watch, 1, Condition(playing=True)) == [Silence.OVER]


def test_faint_noise_is_sound() -> None:
    for watch in (call(), microphone()):
        assert hear(watch, 600, noise=True) == []


@pytest.mark.parametrize(("refusable", "cause"), [(True, Silence.REFUSED), (False, Silence.NO_SOUND)])
def test_a_microphone_that_gives_zeros_from_the_first_is_refused_where_the_system_can(
    refusable: bool, cause: Silence
) -> None:
    assert hear(microphone(refusable=refusable), LONG) == [cause]


def test_a_microphone_that_is_muted_is_told_only_if_it_was_so_from_the_first() -> None:
    watch = microphone()
    assert hear(watch, LONG, Condition(muted=True)) == [Silence.MUTED]
    assert hear(watch, 1, Condition(), noise=True) == [Silence.OVER]
    assert hear(watch, 600, Condition(muted=True)) == []


def test_a_microphone_that_went_dead_is_told_and_one_with_a_switch_no_more() -> None:
    watch = microphone()
    hear(watch, 1, Condition(), noise=True)
    assert hear(watch, LONG, Condition()) == [Silence.DEAD]
    assert hear(watch, 1, Condition(), noise=True) == [Silence.OVER]
    assert hear(watch, 600, Condition()) == []


def test_a_microphone_is_not_asked_what_plays_into_it() -> None:
    assert hear(microphone(), LONG, Condition(playing=False, elsewhere="other.monitor")) == [Silence.NO_SOUND]


def test_a_device_that_was_opened_again_is_given_its_time() -> None:
    watch = call()
    hear(watch, int(SILENT_SECONDS) - 1)
    watch.reopened()
    assert hear(watch, int(SILENT_SECONDS) - 1) == []
    assert hear(watch, 1) == [Silence.NO_SOUND]
