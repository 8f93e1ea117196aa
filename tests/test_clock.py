"""A game's time stands still while it is paused."""

from ngrt.clock import GameClock, MonotonicClock, PausableClock


class Outside:
    """The machine's time, moved by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_paused_time_does_not_pass_and_is_never_made_up_for() -> None:
    outside = Outside()
    clock = GameClock(now=outside)
    outside.time += 1
    clock.pause()
    stopped = clock.now()
    outside.time += 5
    assert clock.now() == stopped == 101
    clock.resume()
    assert clock.now() == 101
    outside.time += 2
    assert clock.now() == 103


def test_pausing_or_resuming_twice_is_once() -> None:
    calls: list[str] = []
    outside = Outside()
    clock = GameClock(lambda: calls.append("freeze"), lambda: calls.append("thaw"), outside)
    clock.resume()
    clock.pause()
    clock.pause()
    outside.time += 1
    clock.resume()
    clock.resume()
    assert calls == ["freeze", "thaw"]
    assert clock.now() == 100


def test_only_a_games_clock_can_be_paused() -> None:
    assert isinstance(GameClock(), PausableClock)
    assert not isinstance(MonotonicClock(), PausableClock)
