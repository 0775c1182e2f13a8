"""The floor over timelines drawn at random."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import BENOIT, CLIENT, DALIA, FRAME, joined
from tests.core.scenes import Stretches, flags, kinds


def stretches(least: float, most: float, least_gap: float, most_gap: float) -> st.SearchStrategy[Stretches]:
    """Draw stretches of voice from second 11 on."""
    pair = st.tuples(st.floats(least_gap, most_gap), st.floats(least, most))

    def lay(pairs: list[tuple[float, float]]) -> Stretches:
        now, out = 11.0, []
        for gap, length in pairs:
            out.append((now + gap, now + gap + length))
            now += gap + length
        return out

    return st.lists(pair, min_size=1, max_size=12).map(lay)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["talk_over", "cut", "intrusion", "backchannel"]),
        st.sampled_from([BENOIT, DALIA]),
        st.floats(0.0, 0.999),
        st.floats(2.2, 6.0),
    ),
    min_size=1,
    max_size=8,
)


@given(stretches(0.2, 20.0, 0.05, 3.0), stretches(0.1, 0.99, 0.45, 3.0), stretches(0.1, 0.99, 0.45, 3.0))
def test_whatever_the_holder_does_backchannels_are_never_flagged(
    client: Stretches, benoit: Stretches, dalia: Stretches
) -> None:
    assert kinds("presentation", {CLIENT: client, BENOIT: benoit, DALIA: dalia}) == []


@given(
    st.sampled_from(["welcome", "clarification", "contract", "evaluation"]),
    stretches(0.1, 8.0, 0.05, 3.0),
    stretches(0.1, 8.0, 0.05, 3.0),
)
def test_outside_held_steps_nothing_is_ever_flagged(step: str, client: Stretches, benoit: Stretches) -> None:
    assert kinds(step, {CLIENT: client, BENOIT: benoit}) == []


@given(stretches(0.1, 8.0, 0.05, 4.0), stretches(0.1, 8.0, 0.05, 4.0))
def test_a_flag_is_a_voice_of_a_second_and_more_and_is_alone_for_two(client: Stretches, benoit: Stretches) -> None:
    found = flags("presentation", {CLIENT: client, BENOIT: benoit})
    turns = joined(benoit)
    for kind, onset, who, at in found:
        assert who == "Benoît"
        (end,) = [end for start, end in turns if start == onset]
        assert end - onset >= (1.0 if kind == "talk_over" else 1.5)
        assert onset < at <= end + FRAME
    for (_, first, *_), (_, second, *_) in itertools.pairwise(found):
        (end,) = [end for start, end in turns if start == first]
        assert second - end > 2.0 - FRAME


@given(EVENTS)
def test_each_interruption_is_flagged_once_at_its_time(
    script: list[tuple[str, str, float, float]],
) -> None:
    """Each event of a script is laid out apart from the others, and its definition read off the layout."""
    now = 11.0
    client: Stretches = []
    others: dict[str, Stretches] = {BENOIT: [], DALIA: []}
    expected: list[tuple[str, float, float]] = []
    for kind, who, share, spare in script:
        begin = now + 2.0
        if kind == "talk_over":
            client.append((now, begin + 4.0))
            others[who].append((begin, begin + 1.15 + share * 2))
            expected.append((kind, begin, begin + 1.0))
            now = begin + 4.0 + spare
        elif kind == "cut":
            client.append((now, begin + share * 0.5))
            others[who].append((begin, begin + 1.65 + share))
            expected.append((kind, begin, begin + 1.5))
            now = begin + 2.65 + spare
        elif kind == "intrusion":
            client.append((now, begin - 0.7))
            others[who].append((begin, begin + 1.65 + share))
            expected.append((kind, begin, begin + 1.5))
            now = begin + 2.65 + spare
        else:
            client.append((now, begin + 0.5))
            others[who].append((begin, begin + max(0.1, share * 0.99)))
            now = begin + 1.0 + spare
    found = flags("presentation", {CLIENT: client, **others})
    assert [kind for kind, *_ in found] == [kind for kind, *_ in expected]
    for (_, onset, _, at), (_, began, due) in zip(found, expected, strict=True):
        assert abs(onset - began) <= 0.1
        assert due <= at <= due + 0.3
