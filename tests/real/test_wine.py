"""A Windows program as Wine runs it: found by its Windows name, and told from Wine's own windows."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ngrt.desktop.matching import choices, find
from ngrt.desktop.processes import running
from ngrt.desktop.x11 import X11Desktop
from ngrt.errors import SourceError
from tests.patience import HANG, until
from tests.real.xvfb import require, window_manager, x_server

pytestmark = pytest.mark.machine


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[X11Desktop]:
    """Yield a desktop with openbox on which WineMine runs."""
    require("Xvfb", "openbox", "wine")
    # no .NET and no browser: both would be asked for in a window
    wine = {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
    with x_server(tmp_path) as screen, window_manager(screen.display):
        environment = {**os.environ, **wine, "DISPLAY": screen.display, "HOME": str(tmp_path)}
        game = subprocess.Popen(["wine", "winemine"], env=environment, stderr=subprocess.DEVNULL)
        opened = X11Desktop(screen.display)
        try:
            until(lambda: bool(choices(opened.windows(), "winemine")), "WineMine does not start")
            yield opened
        finally:
            opened.close()
            subprocess.run(["wineserver", "-k"], env=environment, check=False, timeout=HANG)
            game.wait(timeout=HANG)


def test_a_windows_program_is_found_by_its_windows_name(desktop: X11Desktop) -> None:
    for asked in ("winemine", "WINEMINE.EXE", "C:\\windows\\system32\\winemine.exe"):
        game = find(desktop.windows(), asked)
        assert (game.process, game.title, game.shown) == ("winemine.exe", "WineMine", True)
    until(lambda: desktop.focused() == game.number)
    assert "explorer.exe" in running().values(), "Wine's own, which has tiny windows only"
    with pytest.raises(SourceError, match=r"process explorer \(\d+\) runs but has no window to play"):
        find(desktop.windows(), "explorer", None, running())
