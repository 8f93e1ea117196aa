"""A person's pad for real: in a guest with a real /dev/uinput, where another process plugs it in."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.schema.distribution import Distribution
from ngrt.control.watches import REST
from tests.real.machine import Machine

ROOT = Path(__file__).parents[2]
DOWNWARD = {"xbox": -1, "ds4": 1}
"""How the library's sticks count y: upward for one pad, downward for the other."""

NEAR = {"xbox": 0.001, "ds4": 0.01}
"""How exact a stick is: 16 bits and 8."""

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("guest")]
kinds = pytest.mark.parametrize("kind", NEAR)


@pytest.fixture(scope="module")
def seen(machine: Machine) -> dict[str, Any]:
    """Return all that was seen in the guest; one run for all tests."""
    command = [sys.executable, "-m", "tests.real.takeover_drill", *NEAR]
    status, said = machine.run(command, ROOT)
    assert status == 0, said[-2000:]
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def expected(kind: str, what: str, value: Any) -> dict[str, Any]:
    """Return the state that a person's action stands for."""
    state: dict[str, Any] = {"buttons": [], "left": [0.0, 0.0], "right": [0.0, 0.0]}
    if what == "button":
        state["buttons"] = [value]
    elif what in state:
        state[what] = [value[0], value[1] * DOWNWARD[kind]]
    elif value > 0.5:
        state["buttons"] = [what]
    return state


@kinds
def test_every_button_trigger_and_direction_is_read_as_it_was_pressed(seen: dict[str, Any], kind: str) -> None:
    assert len(seen[kind]["steps"]) > 20
    for step in seen[kind]["steps"]:
        wanted = expected(kind, *step["did"])
        assert step["seen"]["buttons"] == wanted["buttons"], step
        for stick in ("left", "right"):
            assert step["seen"][stick] == pytest.approx(wanted[stick], abs=NEAR[kind]), step
            assert step["rest"][stick] == pytest.approx([0.0, 0.0], abs=NEAR[kind])


@kinds
def test_the_pad_that_ngrt_made_itself_is_never_taken_for_the_persons(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["alone"] == ["", None]
    assert seen[kind]["own"] == 1
    assert len(seen[kind]["found"]) == 2


def test_not_even_where_both_call_themselves_the_same(seen: dict[str, Any]) -> None:
    assert len(set(seen["xbox"]["found"])) == 1
    assert seen["xbox"]["name"] == seen["xbox"]["found"][0]


@kinds
def test_a_pad_that_has_not_been_touched_is_at_rest_whatever_its_driver_says(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["start"] == {"buttons": [], "left": [0.0, 0.0], "right": [0.0, 0.0]}


@kinds
def test_a_game_sees_nothing_of_it_while_it_is_grabbed(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["game_saw"] == 0


@kinds
def test_one_that_another_program_holds_or_that_may_not_be_read_is_refused_with_the_remedy(
    seen: dict[str, Any], kind: str
) -> None:
    name = seen[kind]["name"]
    assert seen[kind]["second"].startswith(f"{name} at /dev/input/event")
    assert "is held by another program; close that, or leave out --takeover pad" in seen[kind]["second"]
    assert seen[kind]["denied"].startswith(f"no permission to read {name} at /dev/input/event")
    assert "sudo usermod -aG input $USER" in seen[kind]["denied"]


@pytest.mark.timing
def test_what_a_person_presses_goes_through_to_the_games_pad_and_the_policy_plays_again_a_second_after(
    seen: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    told = seen["through"]
    assert (told["policy"], told["person"], told["again"]) == (True, True, True)
    assert told["rested"] > REST * 0.9
    assert told["ticks"] > 0
    assert told["end"] == []
    with capsys.disabled():
        print(f"\nin an emulated guest: a person's pad to the game's {Distribution.of(told['latencies']).line('ms')}")  # noqa: T201


@kinds
def test_unplugged_it_is_gone_and_plugged_in_again_it_is_back(seen: dict[str, Any], kind: str) -> None:
    assert seen[kind]["unplugged"] == [None, ""]
    assert seen[kind]["replugged"][0] == {"buttons": [], "left": [0.0, 0.0], "right": [0.0, 0.0]}
    assert seen[kind]["replugged"][1] == seen[kind]["name"]
