"""Who has the pad where several want it."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from ngrt.control.vetoes import Vetoes
from ngrt.messages import NEUTRAL, PadState, Verdict
from tests.patience import HANG

LOST = Verdict("blocked", "lost the focus")
PLAYS = Verdict("person", "a person plays", PadState(frozenset({"EAST"})))
HOLDS = Verdict("person", "a key is held")
MISSING = Verdict("policy", "no pad")


def test_the_policy_plays_while_nobody_says_anything() -> None:
    vetoes = Vetoes()
    vetoes.new_veto()
    assert vetoes.strongest is None
    assert vetoes.note is None


@given(st.permutations([None, MISSING, HOLDS, PLAYS, LOST]), st.integers(0, 5))
def test_what_blocks_comes_first_then_a_person_who_presses_something_in_whatever_order_they_speak(
    order: list[Verdict | None], speaking: int
) -> None:
    vetoes = Vetoes()
    for verdict in order[:speaking]:
        vetoes.new_veto().verdict = verdict
    ranked = [one for one in (LOST, PLAYS, HOLDS) if one in order[:speaking]]
    assert vetoes.strongest == (ranked[0] if ranked else None)


def test_what_is_only_worth_reading_leaves_the_pad_to_the_policy_and_is_read_where_nothing_matters_more() -> None:
    vetoes = Vetoes()
    first, second = vetoes.new_veto(), vetoes.new_veto()
    first.verdict = MISSING
    assert vetoes.strongest is None
    assert vetoes.note == "no pad"
    second.verdict = LOST
    assert vetoes.note == "lost the focus"


def test_one_who_takes_a_word_back_leaves_the_others() -> None:
    vetoes = Vetoes()
    first, second = vetoes.new_veto(), vetoes.new_veto()
    first.verdict, second.verdict = LOST, PLAYS
    first.verdict = None
    assert vetoes.strongest == PLAYS
    second.verdict = None
    assert vetoes.strongest is None


def test_nobodys_word_is_lost_where_all_speak_at_once_from_threads_of_their_own() -> None:
    vetoes = Vetoes()
    several = [vetoes.new_veto() for _ in range(4)]
    verdicts = [Verdict("person", str(number), NEUTRAL) for number in range(4)]
    read: set[Verdict | None] = set()
    spoken = threading.Barrier(5)

    def speak(number: int) -> None:
        for turn in range(20_000):
            several[number].verdict = verdicts[number] if turn % 2 else None
        spoken.wait(HANG)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while spoken.n_waiting < 4:
        read.add(vetoes.strongest)
    spoken.wait(HANG)
    for thread in threads:
        thread.join()
    assert read <= {None, *verdicts}
    assert [veto.verdict for veto in several] == verdicts
    several[0].verdict = None
    assert vetoes.strongest == verdicts[1]
