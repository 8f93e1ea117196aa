"""Capture of a monitor on Windows, by a stand-in."""

import os
import signal
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.interfaces import CaptureKind, EndOfSource, NothingToSee
from ngrt.sources import dxcam_camera
from ngrt.sources.dxcam import DxcamScreen
from tests.patience import HANG
from tests.sources.dxcam_standin import MAIN, Machine, grab

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a stand-in for what is here")


def test_without_a_number_the_primary_monitor_is_watched_whole(machine: Machine) -> None:
    source = DxcamScreen(None, 60)
    assert grab(source, 0.0).shape == (1080, 1920, 3)
    assert source.name == f"monitor {MAIN} by dxgi"
    (camera,) = machine.open()
    assert camera.target_fps == 60
    source.close()
    assert machine.open() == []


@pytest.mark.parametrize(("number", "shape"), [(0, (720, 1280, 3)), (1, (1080, 1920, 3)), (2, (1440, 2560, 3))])
def test_monitors_are_counted_over_all_adapters(machine: Machine, number: int, shape: tuple[int, ...]) -> None:
    source = DxcamScreen(number, 60)
    assert grab(source, 0.0).shape == shape
    source.close()


def test_a_monitor_that_is_not_there_is_refused_with_those_that_are(machine: Machine) -> None:
    with pytest.raises(SourceError, match=r"no monitor 3; there are 3, counted from 0; try --monitor 2"):
        DxcamScreen(3)


def test_a_picture_has_the_age_since_it_was_presented(machine: Machine) -> None:
    machine.still = True
    source = DxcamScreen()
    time.sleep(0.05)
    grab(source, 0.0)
    assert source.age >= 0.05
    assert source.age < 5
    source.close()


def test_a_pointer_that_moves_makes_no_new_picture(machine: Machine) -> None:
    source = DxcamScreen()
    shown = [grab(source, step * 0.01) for step in range(12)]
    source.close()
    assert all((one != other).any() for one, other in pairwise(shown))


def test_where_dxgi_does_not_work_auto_takes_the_other_way(machine: Machine) -> None:
    machine.refused[MAIN, "dxgi"] = OSError("unsupported")
    source = DxcamScreen()
    assert source.name.endswith("by winrt")
    grab(source, 0.0)
    source.close()
    with pytest.raises(SourceError, match=r"cannot be captured by dxgi \(unsupported\); try --capture winrt"):
        DxcamScreen(kind="dxgi")


def test_where_neither_works_both_reasons_are_told_in_a_line(machine: Machine) -> None:
    machine.refused[MAIN, "dxgi"] = OSError("unsupported")
    machine.refused[MAIN, "winrt"] = ModuleNotFoundError(name="winrt.windows")
    with pytest.raises(
        SourceError, match=r"unsupported.*; --capture winrt needs winrt.windows; install it with: pip install"
    ) as told:
        DxcamScreen()
    assert "\n" not in str(told.value)
    assert machine.open() == []


def test_a_display_that_shows_nothing_is_refused_and_let_go(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dxcam_camera, "FIRST", 0.05)
    machine.dark.add(MAIN)
    with pytest.raises(SourceError, match=r"has shown nothing to dxgi for 0\.05 s; unlock the session"):
        DxcamScreen()
    assert machine.open() == []


def test_a_display_that_is_captured_already_is_refused_and_goes_on(machine: Machine) -> None:
    first = DxcamScreen(kind="dxgi")
    with pytest.raises(SourceError, match="captured already by this program"):
        DxcamScreen(kind="dxgi")
    grab(first, 0.0)
    first.close()


def test_a_display_that_is_lost_for_good_is_an_error_and_never_waited_for(machine: Machine) -> None:
    source = DxcamScreen()
    machine.made[-1].lose()
    with pytest.raises(SourceError, match="is lost: its capture has ended"):
        source.grab(0.0)
    source.close()
    with pytest.raises(EndOfSource):
        source.grab(1.0)


@pytest.mark.parametrize("kind", ["dxgi", "winrt"])
def test_while_a_display_is_away_there_is_nothing_to_see_and_then_its_picture_again(
    machine: Machine, kind: CaptureKind
) -> None:
    machine.still = True
    source = DxcamScreen(kind=kind)
    shown = grab(source, 0.0)
    machine.made[-1].away()
    for now in (1.0, 2.0):
        with pytest.raises(NothingToSee, match=r"is away: .*; unlock the session to play on"):
            source.grab(now)
    machine.made[-1].back()
    np.testing.assert_array_equal(grab(source, 3.0), shown)
    source.close()


def test_a_term_signal_does_what_it_did_before(machine: Machine) -> None:
    before = signal.getsignal(signal.SIGTERM)
    source = DxcamScreen()
    assert signal.getsignal(signal.SIGTERM) is before
    source.close()


def test_a_camera_that_does_not_let_go_is_not_waited_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dxcam_camera, "PATIENCE", 0.05)
    source, free = DxcamScreen(), threading.Event()
    monkeypatch.setattr(machine.made[-1], "release", free.wait)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < HANG
    free.set()


def test_elsewhere_it_is_refused_in_a_line() -> None:
    with pytest.raises(SourceError, match="by dxcam on Windows only; give an X11 display, such as --display :0"):
        DxcamScreen()


def test_a_library_that_cannot_be_imported_is_told_with_the_remedy(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dxcam", None)
    with pytest.raises(SourceError, match=r"dxcam is not installed; install it with: pip install 'dxcam\[winrt\]'"):
        DxcamScreen()

    def broken(name: str) -> None:
        raise OSError("no adapter\nat all")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(SourceError, match=r"lists no display adapters \(no adapter at all\); run ngrt in the session"):
        DxcamScreen()
