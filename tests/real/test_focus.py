"""The focus guard on a real display: a window manager, the game's windows, and another program's."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from ngrt.control.watches import FocusGuard
from ngrt.desktop.open import open_desktop
from ngrt.errors import SourceError
from ngrt.messages import NEUTRAL
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.run import run
from tests.pipeline.rig import always_south
from tests.pipeline.test_threads import Log, session
from tests.real import x_windows
from tests.real.xvfb import GAME, require, window_manager, x_server

pytestmark = pytest.mark.anyio
SOUTH = always_south([]).pad(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[Any]:
    require(GAME)
    with x_server(tmp_path) as screen, window_manager(screen.display):
        opened = x_windows.Windows(screen.display, managed=True)
        yield opened
        opened.close()


def other_program(display: str, home: Path) -> "subprocess.Popen[bytes]":
    """Return a program that opens a window of its own, which takes the focus."""
    environment = {**os.environ, "DISPLAY": display, "HOME": str(home)}
    return subprocess.Popen([GAME], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def test_play_stops_while_another_program_has_the_focus_and_goes_on_in_any_window_of_the_games(
    windows: Any, tmp_path: Path
) -> None:
    game, second = windows.open("Game"), windows.open("Game, the second window")
    display = windows.display.get_display_name()
    desktop, pad = open_desktop(display), Log()
    guard = FocusGuard(desktop, lambda: int(game.id), "Game")
    parts = replace(session(pad, Control(rate=60)), watches=[guard])

    async def seen(state: Callable[[], bool]) -> None:
        with anyio.fail_after(20):
            while not state():
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, parts)
        await seen(lambda: pad.states[-1:] == [SOUTH])  # a new window has the focus: the second one
        other = await anyio.to_thread.run_sync(other_program, display, tmp_path)
        try:
            await seen(lambda: pad.states[-1] == NEUTRAL and parts.telemetry.read().blocked > 0)
            assert parts.vetoes.note == "Game lost the focus; pad neutral (--no-focus-guard plays on)"
            for window in (game, second):
                await anyio.to_thread.run_sync(windows.focus, window)
                await seen(lambda: pad.states[-1] == SOUTH)
        finally:
            other.terminate()
            await anyio.to_thread.run_sync(other.wait)
        tasks.cancel_scope.cancel()
    assert pad.states[-1] == NEUTRAL
    guard.close()


async def test_a_display_that_disappears_ends_the_session_in_one_line_with_a_neutral_pad(tmp_path: Path) -> None:
    with x_server(tmp_path) as screen:
        opened = x_windows.Windows(screen.display)
        game = opened.open("Game")
        opened.focus(game)
        guard, pad = FocusGuard(open_desktop(screen.display), lambda: int(game.id), "Game"), Log()
        parts = replace(session(pad, Control(rate=60)), watches=[guard])

        async def kill() -> None:
            while pad.states[-1:] != [SOUTH]:
                await anyio.sleep(0.01)
            opened.close()
            screen.server.kill()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            with pytest.raises(SourceError, match=f"display {screen.display} cannot be"), anyio.fail_after(30):
                await run(parts)
    assert pad.states[-1] == NEUTRAL
    guard.close()
