"""Runs in the guest: SDL, as a game has it, watches pads that other processes plug in. Prints all it saw as JSON.

``python -m tests.real.pad_drill CHANGES``, the number of changes whose latency is measured. The processes with the pads
are forked here, for importing takes seconds in a guest.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from ngrt.errors import PadError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.open import open_pad
from ngrt.policy.actions import BUTTONS_17
from tests.patience import HANG
from tests.real.sdl_game import STEP, Game, devices

PAUSE = 0.006
NOBODY = 65534
BUSY = PadState(frozenset({"SOUTH", "LEFT_TRIGGER", "DPAD_LEFT"}), (0.5, -1.0), (-1.0, 0.25))
SCRIPT = [PadState(frozenset({name})) for name in BUTTONS_17]
SCRIPT += [PadState(frozenset({up, side})) for up in ("DPAD_UP", "DPAD_DOWN") for side in ("DPAD_LEFT", "DPAD_RIGHT")]
WAYS = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.5, -0.25))
SCRIPT += [PadState(left=way) for way in WAYS] + [PadState(right=way) for way in WAYS]
SCRIPT += [PadState(frozenset(BUTTONS_17) - {"DPAD_UP", "DPAD_LEFT"}, (1.0, 1.0), (-1.0, -1.0))]


class Player:
    """Another process that plays on a pad, told what to do."""

    def __init__(self) -> None:
        self._orders, orders = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_serve, args=(orders,), daemon=True)
        self.process.start()

    def ask(self, order: str, *arguments: Any) -> Any:
        """Return what the player's ``order`` returns."""
        self.begin(order, *arguments)
        return self.answer()

    def begin(self, order: str, *arguments: Any) -> None:
        self._orders.send((order, arguments))

    def answer(self) -> Any:
        return self._orders.recv()


def _serve(orders: Connection) -> None:
    pad: Pad | None = None
    while True:
        order, arguments = orders.recv()
        answer: Any = None
        if order == "open":
            try:
                pad = open_pad(arguments[0])
                answer = {"opened": pad.name}
            except PadError as error:
                answer = {"refused": str(error)}
        elif order == "become":
            _become(*arguments)
        elif pad is None:
            answer = "no pad"
        elif order == "send":
            pad.send(*arguments)
        elif order == "rumble":
            answer = (pad.rumble.strong, pad.rumble.weak)
        elif order == "sweep":
            answer = _sweep(pad, *arguments)
        elif order == "close":
            pad.close()
            pad.close()
        orders.send(answer)


def _become(user: int) -> None:
    """Be another user from now on, who logged in without systemd."""
    os.environ.pop("XDG_RUNTIME_DIR")
    if sys.platform != "win32":
        os.setuid(user)


def _sweep(pad: Pad, changes: int) -> list[tuple[float, float]]:
    """Move the left stick to the right in small steps; return when each `send` began and ended."""
    times = []
    for step in range(1, changes + 1):
        state = PadState(left=(step * STEP / 32767, 0.0))
        before = time.monotonic()
        pad.send(state)
        times.append((before, time.monotonic()))
        time.sleep(PAUSE)
    return times


def drill(player: Player, game: Game, kind: str) -> dict[str, Any]:
    """Return what is seen of a pad of ``kind`` from its opening to its closing."""
    before = devices()
    told: dict[str, Any] = {"opened": player.ask("open", kind), **game.plug_in(), "steps": []}
    for state in SCRIPT:
        for sent in (state, NEUTRAL):
            player.ask("send", sent)
            told["steps"].append({"sent": _plain(sent), "seen": game.state()})
    told["rumble"] = shake(player, game)
    told["send"] = [after - before for before, after in player.ask("sweep", 100)]
    told["devices"] = sorted(devices() - before)
    player.ask("send", BUSY)
    told["busy"] = game.state()
    player.ask("close")
    told["removed"] = game.wait("JOYDEVICEREMOVED") is not None
    told["left"] = sorted(devices() - before)
    told["after"] = game.state()
    return told


def shake(player: Player, game: Game) -> dict[str, Any]:
    """Let the game shake the pad, then stop; return what the player heard."""
    heard: dict[str, Any] = {"still": player.ask("rumble"), "taken": game.joystick.rumble(1.0, 0.5, 10_000)}
    heard["shaking"] = until(lambda: player.ask("rumble"), lambda motors: motors != (0.0, 0.0))
    game.joystick.stop_rumble()
    heard["stopped"] = until(lambda: player.ask("rumble"), lambda motors: motors == (0.0, 0.0))
    return heard


def until(ask: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + HANG
    while not enough(answer := ask()) and time.monotonic() < end:
        time.sleep(0.01)
    return answer


def measure(player: Player, game: Game, changes: int) -> list[float | None]:
    """Return how many seconds after the begin of each `send` SDL had the event; None where it never came."""
    player.ask("open", "xbox")
    game.plug_in()
    player.ask(
        "send", PadState(left=(-1.0, 0.0))
    )  # SDL takes a stick that has hardly moved since it came for one at rest
    player.begin("sweep", changes)
    seen = game.arrivals(changes)
    times = player.answer()
    player.ask("close")
    game.wait("JOYDEVICEREMOVED")
    return [seen[step] - before if step in seen else None for step, (before, _) in enumerate(times, 1)]


def kill(player: Player, other: Player, game: Game) -> dict[str, Any]:
    """Return what becomes of a pad whose process is killed, and of another process that wants one."""
    before = devices()
    player.ask("open", "xbox")
    game.plug_in()
    told: dict[str, Any] = {"pid": player.process.pid, "second": other.ask("open", "xbox")}
    player.ask("send", BUSY)
    told["busy"] = game.state()
    player.process.kill()
    player.process.join()
    told["removed"] = game.wait("JOYDEVICEREMOVED") is not None
    told["left"] = sorted(devices() - before)
    told["after"] = game.state()
    told["then"] = other.ask("open", "xbox")
    other.ask("close")
    other.ask("become", NOBODY)
    told["nobody"] = other.ask("open", "xbox")
    return told


def _plain(state: PadState) -> dict[str, Any]:
    return {"buttons": sorted(state.buttons), "left": state.left, "right": state.right}


def main(changes: int) -> Mapping[str, Any]:
    """Return all there is to see."""
    multiprocessing.set_start_method("fork")
    player, other = Player(), Player()  # before SDL starts its threads
    game = Game()
    return {
        "xbox": drill(player, game, "xbox"),
        "ds4": drill(player, game, "ds4"),
        "latency": measure(player, game, changes),
        "kill": kill(player, other, game),
    }


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1])), sys.stdout)
