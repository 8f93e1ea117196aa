"""Runs in the guest: another process plugs in a pad, as a person would, and ngrt reads it. Prints all it saw."""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import anyio
import anyio.to_thread

from ngrt.clock import MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.control.watches import TakeoverPad
from ngrt.errors import PadError
from ngrt.messages import STILL, PadState
from ngrt.pads.person.evdev import EvdevPad, gamepads, made_by_this_process
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import MeasuredPolicy
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from tests.patience import HANG
from tests.pipeline.rig import Screen, always_south

assert sys.platform != "win32"

XBOX_BUTTONS = {
    "SOUTH": "A", "EAST": "B", "WEST": "X", "NORTH": "Y", "BACK": "BACK", "START": "START", "GUIDE": "GUIDE",
    "LEFT_SHOULDER": "LEFT_SHOULDER", "RIGHT_SHOULDER": "RIGHT_SHOULDER",
    "LEFT_THUMB": "LEFT_THUMB", "RIGHT_THUMB": "RIGHT_THUMB",
    "DPAD_UP": "DPAD_UP", "DPAD_DOWN": "DPAD_DOWN", "DPAD_LEFT": "DPAD_LEFT", "DPAD_RIGHT": "DPAD_RIGHT",
}  # fmt: skip
DS4_BUTTONS = {
    "SOUTH": "CROSS", "EAST": "CIRCLE", "WEST": "SQUARE", "NORTH": "TRIANGLE", "BACK": "SHARE", "START": "OPTIONS",
    "LEFT_SHOULDER": "SHOULDER_LEFT", "RIGHT_SHOULDER": "SHOULDER_RIGHT",
    "LEFT_THUMB": "THUMB_LEFT", "RIGHT_THUMB": "THUMB_RIGHT",
}  # fmt: skip
WAYS = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))
"""Left, right, down, up, as the library's sticks count."""


def person(kind: str, orders: Connection) -> None:
    """Plug in a pad and do with it what is ordered."""
    import vgamepad

    pad = vgamepad.VX360Gamepad() if kind == "xbox" else vgamepad.VDS4Gamepad()
    orders.send("there")
    while True:
        what, value = orders.recv()
        pad.reset()
        if what == "button" and kind == "xbox":
            pad.press_button(vgamepad.XUSB_BUTTON[f"XUSB_GAMEPAD_{XBOX_BUTTONS[value]}"])
        elif what == "button":
            pad.press_button(vgamepad.DS4_BUTTONS[f"DS4_BUTTON_{DS4_BUTTONS[value]}"])
        elif what == "left":
            pad.left_joystick_float(*value)
        elif what == "right":
            pad.right_joystick_float(*value)
        elif what == "LEFT_TRIGGER":
            pad.left_trigger_float(value)
        elif what == "RIGHT_TRIGGER":
            pad.right_trigger_float(value)
        pad.update()
        orders.send(time.monotonic())


class Person:
    """Another process with a pad."""

    def __init__(self, kind: str) -> None:
        context = multiprocessing.get_context("fork")
        self._orders, orders = context.Pipe()
        self._process = context.Process(target=person, args=(kind, orders), daemon=True)
        self._process.start()
        self._orders.recv()

    def do(self, what: str, value: Any = None) -> float:
        """Have it done; return when it was."""
        self._orders.send((what, value))
        done: float = self._orders.recv()
        return done

    def unplug(self) -> None:
        """Kill the process, and with it its pad."""
        self._process.kill()
        self._process.join()


def plain(state: PadState | None) -> Any:
    return state and {"buttons": sorted(state.buttons), "left": state.left, "right": state.right}


LIGHT = 0.1
"""How far a trigger is pulled that does not count as pressed."""

NOTHING_COMES = 2.0
"""Seconds after which what must not come has not."""


def until(ask: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = HANG) -> Any:
    """Return what ``ask`` says once it is ``enough``, or in the end."""
    end = time.monotonic() + seconds
    while not enough(answer := ask()) and time.monotonic() < end:
        time.sleep(0.001)
    return answer


def actions(kind: str) -> list[tuple[str, Any]]:
    """Return all that a person does with a pad of ``kind``, one after the other."""
    buttons: list[tuple[str, Any]] = [("button", name) for name in (XBOX_BUTTONS if kind == "xbox" else DS4_BUTTONS)]
    triggers = [(trigger, share) for trigger in ("LEFT_TRIGGER", "RIGHT_TRIGGER") for share in (1.0, LIGHT)]
    return buttons + triggers + [(stick, way) for stick in ("left", "right") for way in WAYS]


def drill(kind: str) -> dict[str, Any]:
    """Return what is read of a person's pad of ``kind``, plugged in beside one of ngrt's own."""
    import libevdev
    import vgamepad

    mine = vgamepad.VX360Gamepad()  # first, so that it would be found first
    alone = EvdevPad()
    told: dict[str, Any] = {"alone": [alone.name, plain(alone.state())], "own": len(made_by_this_process())}
    someone = Person(kind)
    until(lambda: len([pad for pad in gamepads() if pad.number not in made_by_this_process()]), bool)
    pad = EvdevPad()
    told["name"], told["found"] = pad.name, [found.name for found in gamepads()]
    told["start"] = plain(pad.state())
    own = made_by_this_process()
    game = os.fdopen(os.open(next(p for p in gamepads() if p.number not in own).node, os.O_NONBLOCK), "rb", 0)
    told["steps"], latencies = [], []
    for what, value in actions(kind):
        someone.do("rest")
        time.sleep(0.01)
        rest = plain(pad.state())
        done = someone.do(what, value)
        waits = NOTHING_COMES if value == LIGHT else HANG
        seen = until(pad.state, lambda state, rest=rest: plain(state) != rest, waits)  # type: ignore[misc]
        latencies.append(time.monotonic() - done)
        told["steps"].append({"did": [what, value], "seen": plain(seen), "rest": rest})
    told["latency"] = sorted(latencies)[len(latencies) // 2]
    told["game_saw"] = len(list(libevdev.Device(game).events()))
    try:
        EvdevPad()
    except PadError as error:
        told["second"] = str(error)
    told["denied"] = as_nobody()
    someone.unplug()
    told["unplugged"] = [plain(until(pad.state, lambda state: state is None)), pad.name]
    other = Person(kind)
    told["replugged"] = [plain(until(pad.state, lambda state: state is not None)), pad.name]
    pad.close()
    pad.close()
    other.unplug()
    del mine
    return told


def as_nobody() -> str:
    """Return what a person without rights is told."""
    context = multiprocessing.get_context("fork")
    answers, answer = context.Pipe()

    def ask() -> None:
        os.setgid(65534)
        os.setuid(65534)
        try:
            EvdevPad()
            answer.send("allowed")
        except PadError as error:
            answer.send(str(error))

    process = context.Process(target=ask)
    process.start()
    said: str = answers.recv()
    process.join()
    return said


class Virtual:
    """The game's pad: the three things that this drill needs of it."""

    name, rumble = "virtual", STILL

    def __init__(self) -> None:
        import libevdev
        import vgamepad

        self._pad, self._names = vgamepad.VX360Gamepad(), vgamepad.XUSB_BUTTON
        node = next(found.node for found in gamepads() if found.number in made_by_this_process())
        self._game = libevdev.Device(os.fdopen(os.open(node, os.O_NONBLOCK), "rb", 0))
        self._down = {name: libevdev.evbit(f"BTN_{name}") for name in ("SOUTH", "EAST")}

    def send(self, state: PadState) -> None:
        self._pad.reset()
        for name in self._down.keys() & state.buttons:
            self._pad.press_button(self._names[f"XUSB_GAMEPAD_{XBOX_BUTTONS[name]}"])
        self._pad.update()

    def seen(self) -> set[str]:
        """Return what a game sees pressed."""
        list(self._game.events())
        return {name for name, code in self._down.items() if self._game.value[code]}

    def close(self) -> None:
        """Nothing that the process's end does not do."""


def through() -> dict[str, Any]:
    """Return what a game sees while the policy holds SOUTH and a person presses EAST for a while."""
    virtual, someone = Virtual(), Person("xbox")
    until(lambda: [pad for pad in gamepads() if pad.number not in made_by_this_process()], bool)
    pad, told, clock = EvdevPad(), dict[str, Any](), MonotonicClock()

    def play() -> None:
        told["policy"] = until(virtual.seen, {"SOUTH"}.__eq__) == {"SOUTH"}
        latencies = []
        for _ in range(20):
            for what, value, wanted in (("button", "EAST", {"EAST"}), ("rest", None, set[str]())):
                done = someone.do(what, value)
                told["person"] = until(virtual.seen, wanted.__eq__) == wanted
                latencies.append(time.monotonic() - done)
        told["latencies"] = sorted(latencies)
        rest = time.monotonic()
        told["again"] = until(virtual.seen, {"SOUTH"}.__eq__) == {"SOUTH"}
        told["rested"] = time.monotonic() - rest

    async def beside() -> None:
        session = Session(
            Screen(), MeasuredPolicy(always_south, 16, 0.05), Context(1, 0.3), virtual, Control(rate=60), Merging(),
            clock, lambda name: ThreadWorker(name, clock), watches=[TakeoverPad(pad)],
        )  # fmt: skip
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, session)
            await anyio.to_thread.run_sync(play)
            tasks.cancel_scope.cancel()
        told["ticks"] = session.telemetry.read().person

    anyio.run(beside)
    told["end"] = sorted(virtual.seen())
    someone.unplug()
    return told


if __name__ == "__main__":
    json.dump({kind: drill(kind) for kind in sys.argv[1:]} | {"through": through()}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the processes that stand for people are gone, and nothing else is worth waiting for
