"""Session time: the same things in the same order, whatever the speed."""

from __future__ import annotations

import asyncio
import math
from functools import partial

import pytest

from facilitator.timeline import LiveClock, ReplayClock, Timeline
from tests.campaign.virtual import VirtualLoop, virtually


def _same(deadline: float | None) -> float | None:
    return deadline


async def play(timeline: Timeline, count: int, deadline: float | None = None) -> list[tuple[float, str]]:
    """Work `count` things off; a deadline counts as one."""
    done: list[tuple[float, str]] = []
    for _ in range(count):
        at, callback = await asyncio.wait_for(timeline.next(partial(_same, deadline)), 5)
        if callback is None:
            done.append((at, "deadline"))
            deadline = None
        else:
            callback(at)
            done.append((at, "callback"))
    return done


@pytest.mark.parametrize("speed", [math.inf, 200.0])
async def test_things_happen_in_the_order_of_their_times(speed: float) -> None:
    timeline = Timeline(ReplayClock(speed))
    seen: list[str] = []
    for at, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        timeline.at(at, lambda _, name=name: seen.append(name))
    done = await play(timeline, 4, deadline=1.5)
    assert seen == ["a", "b", "c"]
    assert done == [(1.0, "callback"), (1.0, "callback"), (1.5, "deadline"), (2.0, "callback")]


async def test_what_is_asked_for_soon_happens_at_the_time_at_hand() -> None:
    timeline = Timeline(ReplayClock(math.inf))
    times: list[float] = []
    timeline.at(3.0, lambda _: timeline.soon(times.append))
    timeline.at(3.0, lambda _: None)
    await play(timeline, 3)
    assert times == [3.0]


@pytest.mark.parametrize("speed", [math.inf, 500.0])
async def test_a_replay_never_runs_ahead_of_required_work(speed: float) -> None:
    timeline = Timeline(ReplayClock(speed))
    order: list[str] = []

    async def reading() -> None:
        await asyncio.sleep(0.05)
        timeline.at(1.0, lambda _: order.append("read"))

    timeline.require(reading())
    timeline.at(2.0, lambda _: order.append("later"))
    await play(timeline, 2)
    assert order == ["read", "later"]


async def test_only_full_speed_waits_for_pending_work() -> None:
    async def writing() -> None:
        await asyncio.sleep(0.2)

    fast, paced = Timeline(ReplayClock(math.inf)), Timeline(ReplayClock(1000.0))
    for timeline, waits in ((fast, True), (paced, False)):
        task = timeline.work(writing())
        timeline.at(1.0, lambda _: None)
        await play(timeline, 1)
        assert task.done() is waits
        await timeline.drain()


async def test_a_live_clock_calls_what_is_late_late() -> None:
    timeline = Timeline(LiveClock())
    timeline.at(0.0, lambda _: None)
    await asyncio.sleep(0.05)
    ((at, _),) = await play(timeline, 1)
    assert at >= 0.05


async def test_a_new_thing_wakes_a_timeline_that_waits() -> None:
    timeline = Timeline(LiveClock())
    waiting = asyncio.create_task(timeline.next(lambda: 60.0))
    await asyncio.sleep(0.01)
    timeline.soon(lambda _: None)
    at, callback = await asyncio.wait_for(waiting, 1)
    assert callback is not None
    assert at < 1


async def test_a_cancellation_is_kept_though_something_changed_in_that_moment() -> None:
    timeline = Timeline(LiveClock())
    waiting = asyncio.create_task(timeline.next(lambda: 60.0))
    await asyncio.sleep(0.01)
    timeline.wake()
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=0.5)
    assert waiting.cancelled()


async def test_a_deadline_that_moves_while_it_is_waited_for_is_kept() -> None:
    timeline = Timeline(LiveClock())
    deadlines = [60.0]
    waiting = asyncio.create_task(timeline.next(lambda: deadlines[0]))
    await asyncio.sleep(0.01)
    deadlines[0] = timeline.clock.now() + 0.05
    timeline.wake()
    at, callback = await asyncio.wait_for(waiting, 1)
    assert callback is None
    assert at < 1


async def test_a_defect_in_work_is_not_swallowed() -> None:
    timeline = Timeline(LiveClock())

    async def broken() -> None:
        raise ZeroDivisionError

    timeline.work(broken())
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(timeline.next(lambda: None), 1)


async def test_cancelling_ends_all_work() -> None:
    timeline = Timeline(LiveClock())
    tasks = [timeline.work(asyncio.sleep(60)), timeline.require(asyncio.sleep(60))]
    await timeline.cancel()
    assert all(task.cancelled() for task in tasks)


def test_a_live_clock_goes_on_from_where_it_is_told() -> None:
    clock = LiveClock(90.0)
    assert 90.0 <= clock.now() < 91.0
    assert clock.delay(100.0) == pytest.approx(10.0, abs=1.0)


@virtually
async def test_a_deadline_that_does_not_move_and_what_is_in_the_queue_take_turns(loop: VirtualLoop) -> None:
    timeline, done = Timeline(LiveClock()), list[str]()

    def again(at: float) -> None:
        done.append("again")
        timeline.at(at, again)

    timeline.at(2.0, again)
    for _ in range(5):
        at, callback = await timeline.next(lambda: 1.0)
        await asyncio.sleep(3.0)
        if callback is None:
            done.append("deadline")
        else:
            callback(at)
    assert done == ["deadline", "again", "deadline", "again", "deadline"]
