"""Real pads: in a guest with a real /dev/uinput ngrt's own backend plugs them in, and SDL reads them as games do."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.schema.distribution import Distribution
from tests.real.machine import Machine

ROOT = Path(__file__).parents[2]
AXES = {"LEFTX": ("left", 0), "LEFTY": ("left", 1), "RIGHTX": ("right", 0), "RIGHTY": ("right", 1)}
TRIGGERS = {"TRIGGERLEFT": "LEFT_TRIGGER", "TRIGGERRIGHT": "RIGHT_TRIGGER"}
CHANGES = 200
NEAR = {"xbox": 0.001, "ds4": 0.01}
"""How exact a stick is: 16 bits and 8."""

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("guest")]
kinds = pytest.mark.parametrize("kind", NEAR)


def in_guest(machine: Machine, module: str, *arguments: str | Path) -> dict[str, Any]:
    """Return what a program of this folder saw in the guest."""
    command = [sys.executable, "-m", f"tests.real.{module}", *arguments]
    status, said = machine.run(command, ROOT)
    assert status == 0, said[-2000:]
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


@pytest.fixture(scope="module")
def seen(machine: Machine) -> dict[str, Any]:
    """Return all that was seen in the guest; one run for all tests."""
    return in_guest(machine, "pad_drill", str(CHANGES))


def expected(sent: Mapping[str, Any]) -> dict[str, float]:
    """Return where SDL's axes should be."""
    sticks = {axis: sent[stick][number] for axis, (stick, number) in AXES.items()}
    return sticks | {axis: float(button in sent["buttons"]) for axis, button in TRIGGERS.items()}


@kinds
def test_every_button_trigger_and_direction_arrives_as_commanded_and_nothing_else(
    seen: dict[str, Any], kind: str
) -> None:
    steps = seen[kind]["steps"]
    assert {name for step in steps for name in step["sent"]["buttons"]} >= {"WEST", "NORTH", "GUIDE", "LEFT_TRIGGER"}
    for step in steps:
        sent, got = step["sent"], step["seen"]
        assert got["down"] == [name for name in sent["buttons"] if name not in TRIGGERS.values()]
        assert got["axes"] == pytest.approx(expected(sent), abs=NEAR[kind]), sent


@pytest.mark.parametrize(
    ("kind", "name", "devices"),
    [
        ("xbox", "Xbox 360 Controller", ["Microsoft X-Box 360 pad"]),
        (
            "ds4",
            "Sony Interactive Entertainment Wireless Controller",
            [
                f"Sony Interactive Entertainment Wireless Controller{part}"
                for part in ("", " Motion Sensors", " Touchpad")
            ],
        ),
    ],
)
def test_sdl_knows_it_for_what_it_is(seen: dict[str, Any], kind: str, name: str, devices: list[str]) -> None:
    assert seen[kind]["name"] == name
    assert seen[kind]["devices"] == devices


@kinds
def test_a_game_that_shakes_the_pad_is_heard_until_it_stops(seen: dict[str, Any], kind: str) -> None:
    rumble = seen[kind]["rumble"]
    assert rumble["taken"]
    assert rumble["still"] == [0, 0]
    assert rumble["shaking"] == pytest.approx([1.0, 0.5], abs=1 / 255)
    assert rumble["stopped"] == [0, 0]


@pytest.mark.parametrize("how", ["xbox", "ds4", "kill"])
def test_closed_or_killed_it_is_gone_at_once_and_at_rest(seen: dict[str, Any], how: str) -> None:
    told = seen[how]
    assert told["busy"]["down"] == ["DPAD_LEFT", "SOUTH"]
    assert told["removed"]
    assert told["left"] == []
    assert told["after"]["down"] == []
    assert told["after"]["axes"] == pytest.approx(dict.fromkeys(told["after"]["axes"], 0.0), abs=0.01)


def test_a_second_ngrt_on_the_pad_is_refused_until_the_first_one_is_gone(seen: dict[str, Any]) -> None:
    told = seen["kill"]
    assert told["second"]["refused"].startswith(f"pad xbox is in use by another ngrt (process {told['pid']}); stop")
    assert told["then"] == {"opened": "Xbox 360 pad (virtual)"}


def test_who_may_not_use_uinput_is_told_the_rule_that_lets_them(seen: dict[str, Any]) -> None:
    refused = seen["kill"]["nobody"]["refused"]
    assert refused.startswith("no Xbox 360 pad: no permission to use /dev/uinput; allow it with: echo")
    rule = refused[refused.index("echo") : refused.index(" && ")]
    assert rule in (ROOT / "docs/games.md").read_text("utf-8")


def test_every_change_arrives_and_how_soon_is_told(seen: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    latency = seen["latency"]
    assert len(latency) == CHANGES
    assert None not in latency
    assert min(latency) > 0
    with capsys.disabled():
        print(f"\nin an emulated guest: update to SDL's event {Distribution.of(latency).line('ms')}")  # noqa: T201


def test_the_page_on_games_has_the_figures_of_the_committed_run() -> None:
    file = ROOT / "bench/results/2026-11-26-pad-guest.json"
    taken = json.loads(file.read_text("utf-8"))["suites"]["pads"]["update_to_event"]
    page = " ".join((ROOT / "docs/games.md").read_text("utf-8").split())
    assert (
        f"{taken['p50'] * 1e3:.2f} ms there (median; p99 {taken['p99'] * 1e3:.2f} ms, [{len(taken['samples'])} " in page
    )


def test_the_whole_command_plays_on_it_and_leaves_it_at_rest(machine: Machine) -> None:
    # emulated and busy, a chunk was seen to take 3.4 s, and 9 s would still hold
    options = ["--image", "docs/arcade.png", "--pad", "xbox", "--duration", "12", "--rate", "1", "--steps", "1"]
    told = in_guest(machine, "pad_watch", "engines/arcade", *options)
    assert told["status"] == 0, told["said"]
    assert told["pad"]["name"] == "Xbox 360 Controller"
    assert "pad Xbox 360 pad (virtual)" in told["said"]
    assert any(state["down"] or any(state["axes"].values()) for state in told["states"]), "it was never moved"
    assert told["left"] == []
    assert told["after"]["down"] == []
    assert set(told["after"]["axes"].values()) == {0}
