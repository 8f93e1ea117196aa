"""Waiting for a game that has not started yet."""

from pathlib import Path

import pytest

from ngrt.desktop.waiting import wait_for, wait_for_display
from ngrt.errors import SourceError
from ngrt.fakes import FakeDesktop
from ngrt.interfaces import Window
from ngrt.session.devices import after_display
from ngrt.session.settings import PlaySettings
from tests.desktop.windows import window
from tests.real.xvfb import x_server


class Starting(FakeDesktop):
    """A desktop on which a game opens its window at ``opens``, with the time that passes while one sleeps."""

    def __init__(self, opens: float) -> None:
        super().__init__([window(1, process="shell", pid=1)])
        self.time, self.opens, self.notes = 0.0, opens, list[str]()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def windows(self) -> list[Window]:
        return [*super().windows(), *([window(2)] if self.time >= self.opens else [])]

    def wait(self, seconds: float) -> Window:
        return wait_for(
            self,
            "game",
            None,
            seconds,
            now=lambda: self.time,
            sleep=self.sleep,
            note=self.notes.append,
            running=lambda: {7: "game.exe"},
        )


def test_a_terminal_whose_title_names_the_game_is_not_taken_for_it() -> None:
    terminal = window(9, title="ngrt play ENGINE --window Celeste", process="terminal", pid=50)
    starting = Starting(1.0)
    starting.shown = [terminal]
    with pytest.raises(SourceError, match="Celeste"):
        wait_for(
            starting,
            None,
            "Celeste",
            0.5,
            now=lambda: starting.time,
            sleep=starting.sleep,
            note=starting.notes.append,
            ignored={50},
        )


def test_a_game_that_is_there_is_not_waited_for() -> None:
    starting = Starting(0.0)
    assert starting.wait(0.0) == window(2)
    assert (starting.slept, starting.notes) == ([], [])


def test_a_game_that_starts_later_is_waited_for_and_that_is_said_once() -> None:
    starting = Starting(5.0)
    assert starting.wait(60.0) == window(2)
    assert starting.time == pytest.approx(5.0, abs=0.5)
    assert starting.notes == ["waiting for process game, for 60 s at most"]


@pytest.mark.parametrize("seconds", [0.0, 1.1, 3.0])
def test_the_wait_ends_with_the_reason_when_its_time_is_over(seconds: float) -> None:
    starting = Starting(100.0)
    with pytest.raises(SourceError, match=r"process game \(7\) runs but has no window to play"):
        starting.wait(seconds)
    assert starting.time == pytest.approx(seconds)


def test_which_of_several_windows_is_played_is_said() -> None:
    starting = Starting(0.0)
    starting.shown.append(window(3, title="", width=800))
    assert starting.wait(0.0).number == 3
    assert starting.notes == [
        "2 windows fit process game: playing the one without a title, 800 x 480; choose another with "
        "--window TITLE or --process ID"
    ]


def test_a_desktop_that_goes_away_ends_the_wait_at_once() -> None:
    starting = Starting(100.0)
    starting.gone = True
    with pytest.raises(SourceError, match="desktop is gone"):
        starting.wait(60.0)
    assert not starting.slept


class Booting:
    """A display that is up after ``up`` seconds."""

    def __init__(self, up: float) -> None:
        self.time, self.up, self.notes = 0.0, up, list[str]()

    def opens(self) -> None:
        if self.time < self.up:
            raise SourceError("display :7 cannot be asked")

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def wait(self, seconds: float, display: str = ":7") -> float:
        return wait_for_display(
            self.opens, display, seconds, now=lambda: self.time, sleep=self.sleep, note=self.notes.append
        )


def test_a_display_that_is_up_is_not_waited_for() -> None:
    booting = Booting(0.0)
    assert (booting.wait(5.0), booting.time, booting.notes) == (5.0, 0.0, [])


def test_a_display_that_comes_up_later_is_waited_for_and_what_is_left_is_for_the_game() -> None:
    booting = Booting(4.0)
    assert booting.wait(20.0) == pytest.approx(16.0)
    assert booting.notes == ["waiting for display :7, for 20 s at most"]


def test_a_display_that_does_not_come_up_is_the_error_that_it_is() -> None:
    booting = Booting(100.0)
    with pytest.raises(SourceError, match="display :7 cannot be asked"):
        booting.wait(3.1)
    assert booting.time == pytest.approx(3.1)


def test_no_waiting_helps_what_is_no_display() -> None:
    booting = Booting(100.0)
    with pytest.raises(SourceError):
        booting.wait(60.0, "nonsense")
    assert booting.time == 0.0


def test_the_display_is_waited_for_before_anything_that_needs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    notes: list[str] = []
    unset = PlaySettings(process="game", wait=5)
    assert after_display("window", unset, notes.append) == unset, "nothing is named that could come up"
    assert after_display("video", PlaySettings(wait=5, display=":4711"), notes.append).wait == 5
    with pytest.raises(SourceError, match=":4711 cannot be asked"):
        after_display("display", PlaySettings(wait=0.3, display=":4711"), notes.append)
    assert notes == ["waiting for display :4711, for 0.3 s at most"]
    with x_server(tmp_path) as screen:
        assert 0 < after_display("window", PlaySettings(wait=60, display=screen.display), notes.append).wait <= 60
