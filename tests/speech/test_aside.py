"""A thread for work that may hang: one thing after another, and nobody has to wait for it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest

from speech.aside import Aside
from tests.campaign.virtual import ZERO, VirtualLoop, virtually


def test_things_are_done_one_after_another_in_one_thread() -> None:
    aside = Aside()
    done = [aside.submit(threading.get_ident) for _ in range(3)]
    threads = {future.result(5) for future in done}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    aside.end()


def test_what_fails_is_told_to_whoever_gave_it_and_the_next_is_done() -> None:
    aside = Aside()
    failed, done = aside.submit(lambda: 1 // 0), aside.submit(lambda: 2)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert done.result(5) == 2
    aside.end()


def test_what_was_taken_back_in_time_is_not_done() -> None:
    aside, gate, begun = Aside(), threading.Event(), list[int]()
    first = aside.submit(lambda: gate.wait(5))
    second: Future[None] = aside.submit(lambda: begun.append(2))
    assert second.cancel()
    gate.set()
    assert first.result(5)
    aside.submit(lambda: None).result(5)
    assert begun == []
    aside.end()


def test_its_thread_ends_when_it_is_told() -> None:
    aside = Aside()
    thread = aside.submit(threading.current_thread).result(5)
    aside.end()
    thread.join(5)
    assert not thread.is_alive()


def test_its_thread_ends_with_it() -> None:
    aside = Aside()
    thread = aside.submit(threading.current_thread).result(5)
    del aside
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


async def test_work_that_is_late_is_not_waited_for_nor_what_comes_after_it_until_the_thread_is_free() -> None:
    aside, gate, done = Aside(), threading.Event(), list[int]()
    with pytest.raises(TimeoutError):
        await aside.within(0.0, lambda: gate.wait(20))
    with pytest.raises(TimeoutError):
        await aside.within(20.0, lambda: done.append(1))
    gate.set()
    aside.submit(lambda: None).result(5)
    assert await aside.within(20.0, lambda: 2) == 2
    assert done == []


@virtually
async def test_what_waits_for_its_turn_is_not_late(loop: VirtualLoop) -> None:
    aside = Aside()
    assert await asyncio.gather(*(aside.within(1.0, lambda: loop.work.spend(0.6)) for _ in range(4))) == [None] * 4
    assert loop.now - ZERO == pytest.approx(2.4, abs=0.1)


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await Aside().within(20.0, lambda: 1 // 0)


def test_work_that_hangs_delays_no_exit_of_the_program() -> None:
    program = (
        "import asyncio, threading\n"
        "from speech.aside import Aside\n"
        "async def main():\n"
        "    begun = threading.Event()\n"
        "    Aside().submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "    assert begun.wait(5)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
