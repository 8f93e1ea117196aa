"""``ngrt doctor`` on a machine that has a /dev/uinput: the guest, which is slow but in order."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.real.machine import Machine

ROOT = Path(__file__).parents[2]


@pytest.mark.machine
@pytest.mark.xdist_group("guest")
def test_a_machine_with_uinput_makes_a_pad_for_a_moment_and_is_told_so(machine: Machine) -> None:
    command = f"{shlex.quote(sys.executable)} -m tests.doctor.patient --json 2>/dev/null"
    _, said = machine.run(["/bin/sh", "-c", command], ROOT)
    told = json.loads(said[said.index("{") :])
    found = {check["name"]: check for check in told["checks"]}
    assert found["virtual pad"]["state"] == "good"
    assert found["pad test"]["state"] in {"good", "limited"}, "emulated, it may be slow"
    assert "Xbox 360 pad (virtual): ready in" in found["pad test"]["found"]
    assert found["real pads"]["state"] == "missing", "ngrt's own pad is in nobody's hands"
    assert told["verdict"]["pads"] == ["xbox"]
