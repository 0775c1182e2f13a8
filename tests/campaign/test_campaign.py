"""Seeded sessions in virtual time: whatever fails and whenever, what must hold of every session holds.

A failure names its seed. `python -m tests.campaign SEED` prints what was told in it, the same each time.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.campaign.judge import judge
from tests.campaign.session import run
from tests.campaign.world import KINDS

SEEDS, MOST_SECONDS = 2_000, 60.0
"""In `make test`: so many, or as many as this time allows; it is for patience, and no measure of anything."""
LEAST_SEEDS = 150
"""So many make every kind of fault come."""
SOAK_SEEDS = 20_000


def campaign(seeds: range, until: float) -> tuple[int, Counter[str]]:
    """Hold the sessions of `seeds` until `until`; return how many, and how often each kind of fault was met."""
    held, met = 0, Counter[str]()
    failed: list[str] = []
    for seed in seeds:
        outcome = run(seed)
        held += 1
        met.update(dict.fromkeys(outcome.world.fired, 1))
        failed += [f"seed {seed}: {what}" for what in judge(outcome)]
        if len(failed) > 10 or (time.perf_counter() > until and held >= LEAST_SEEDS):
            break
    assert not failed, "\n".join(failed)
    return held, met


def told(held: int, met: Counter[str]) -> str:
    return f"{held} sessions, met in so many of them: " + ", ".join(
        f"{kind} {count}" for kind, count in met.most_common()
    )


def test_what_must_hold_holds_in_every_session(capsys: pytest.CaptureFixture[str]) -> None:
    held, met = campaign(range(SEEDS), time.perf_counter() + MOST_SECONDS)
    with capsys.disabled():
        print(f"\ncampaign: {told(held, met)}")
    assert set(KINDS) - set(met) == set()


@pytest.mark.soak
def test_what_must_hold_holds_in_20000_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    held, met = campaign(range(100_000, 100_000 + SOAK_SEEDS), float("inf"))
    with capsys.disabled():
        print(f"\ncampaign: {told(held, met)}")
    assert held == SOAK_SEEDS
    assert set(KINDS) - set(met) == set()


@pytest.mark.parametrize("seed", [3, 7, 45, 93, 1522])
def test_a_seed_is_the_same_session_each_time(seed: int) -> None:
    first, again = run(seed), run(seed)
    assert first.lines() == again.lines()
    assert first.told
    assert first.world.sounds == again.world.sounds
