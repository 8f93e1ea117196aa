"""How many cores a process may use: its affinity, its cpuset, and the quotas of its control groups."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

import ngrt.processor
from ngrt.policy.shipped import arcade_engine
from ngrt.processor import processor, usable_cores
from tests.patience import HANG

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


class Machine:
    """A machine of 64 cores, its control groups in a folder."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path, self._mounts = tmp_path, list[str]()
        (tmp_path / "proc" / "self").mkdir(parents=True)
        monkeypatch.setattr(ngrt.processor, "PROC", tmp_path / "proc")
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)

    def mounted(self, kind: str, root: str = "/", options: str = "rw") -> Path:
        point = self._path / f"{kind}{len(self._mounts)}"
        point.mkdir()
        self._mounts.append(f"30 23 0:26 {root} {point} rw,nosuid shared:4 - {kind} {kind} {options}")
        (self._path / "proc" / "self" / "mountinfo").write_text("\n".join(self._mounts) + "\n")
        return point

    def inside(self, *groups: str) -> None:
        (self._path / "proc" / "self" / "cgroup").write_text("\n".join(groups) + "\n")


def limited(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("cpu_", "cpu.", 1)).write_text(f"{text}\n")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@LINUX
def test_without_limits_it_is_all_cores(machine: Machine) -> None:
    assert usable_cores() == 64


@LINUX
def test_of_an_affinity_or_a_cpuset_it_is_those(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7, 9})
    assert usable_cores() == 3


@LINUX
@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 64), ("200000 100000", 2), ("150000 100000", 1), ("20000 100000", 1), ("9999999 100000", 64)],
)
def test_a_quota_of_version_two_counts(machine: Machine, quota: str, cores: int) -> None:
    limited(machine.mounted("cgroup2") / "own", cpu_max=quota)
    machine.inside("0::/own")
    assert usable_cores() == cores


@LINUX
def test_of_groups_inside_each_other_the_tightest_counts(machine: Machine) -> None:
    point = machine.mounted("cgroup2")
    limited(point / "slice", cpu_max="300000 100000")
    limited(point / "slice" / "unit", cpu_max="800000 100000")
    machine.inside("0::/slice/unit")
    assert usable_cores() == 3


@LINUX
def test_in_a_container_the_group_is_the_root_of_what_is_mounted(machine: Machine) -> None:
    limited(machine.mounted("cgroup2"), cpu_max="200000 100000")
    machine.inside("0::/")
    assert usable_cores() == 2


@LINUX
@pytest.mark.parametrize("path", ["/../../elsewhere", "/docker/of/the/host"])
def test_a_path_that_is_the_host_s_does_not_lead_out_of_the_mount(machine: Machine, path: str) -> None:
    limited(machine.mounted("cgroup2"), cpu_max="200000 100000")
    machine.inside(f"0::{path}")
    assert usable_cores() == 2


@LINUX
@pytest.mark.parametrize(("quota", "cores"), [("-1", 64), ("400000", 4)])
def test_a_quota_of_version_one_counts(machine: Machine, quota: str, cores: int) -> None:
    point = machine.mounted("cgroup", options="rw,cpu,cpuacct")
    limited(point / "own", cpu_cfs_quota_us=quota, cpu_cfs_period_us="100000")
    other = machine.mounted("cgroup", options="rw,memory")
    limited(other / "own", cpu_cfs_quota_us="100000", cpu_cfs_period_us="100000")
    machine.inside("5:memory:/own", "4:cpu,cpuacct:/own", "0::/")
    assert usable_cores() == cores


@LINUX
def test_in_a_container_of_version_one_the_mount_says_which_group_it_shows(machine: Machine) -> None:
    point = machine.mounted("cgroup", root="/docker/0123", options="rw,cpu")
    limited(point, cpu_cfs_quota_us="200000", cpu_cfs_period_us="100000")
    machine.inside("4:cpu:/docker/0123")
    assert usable_cores() == 2


@LINUX
@pytest.mark.parametrize("text", ["", "nonsense", "100000", "a b", "100000 0"])
def test_what_cannot_be_understood_limits_nothing(machine: Machine, text: str) -> None:
    limited(machine.mounted("cgroup2"), cpu_max=text)
    machine.inside("0::/", "nonsense")
    assert usable_cores() == 64


def test_opencv_keeps_to_them() -> None:
    import ngrt.policy.preprocess  # noqa: F401

    assert cv2.getNumThreads() <= usable_cores()


def test_a_processor_is_told_in_one_line_and_is_always_the_same() -> None:
    assert processor() == processor()
    assert "\n" not in processor()


ONE_CORE = """
import glob, os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
import ngrt
with ngrt.load_policy(sys.argv[1], backend=sys.argv[2]) as policy:
    policy.predict([np.zeros((256, 256, 3), np.uint8)])
    status = [open(file).read() for file in glob.glob("/proc/self/task/*/status")]
allowed = {line for text in status for line in text.splitlines() if line.startswith("Cpus_allowed_list")}
assert allowed == {f"Cpus_allowed_list:\\t{min(os.sched_getaffinity(0))}"}, allowed
"""


@LINUX
@pytest.mark.parametrize("backend", ["cpu", "openvino"])
def test_no_thread_of_an_engine_runs_on_a_core_that_was_not_given(backend: str) -> None:
    if usable_cores() < 2:
        pytest.skip("it needs a core that is not given")
    subprocess.run([sys.executable, "-c", ONE_CORE, str(arcade_engine()), backend], check=True, timeout=HANG)


def test_a_session_leaves_one_of_them_to_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    from ngrt.session import latency

    for cores, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(latency, "usable_cores", lambda cores=cores: cores)
        assert latency.engine_threads(None) == threads
    assert latency.engine_threads(3) == 3


def test_only_one_place_counts_cores() -> None:
    root = Path(__file__).parents[1]
    files = [file for top in ("ngrt", "export", "bench") for file in (root / top).rglob("*.py")]
    counting = {file.name for file in files if re.search(r"(?<!set_)cpu_count", file.read_text("utf-8"))}
    assert counting == {"processor.py", "machine.py", "provenance.py"}  # the doctor and results tell of the machine
