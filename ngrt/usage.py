"""Reports of use: what the libraries here would tell their makers, switched off before any of them is loaded.

`ngrt`, `export` and `bench` do so before they import anything else, and child processes inherit the variables.
docs/privacy.md says what each library would do, and how a person lets it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ALLOW = "NGRT_USAGE_REPORTS"
"""Set to 1 by a person who lets every library report as it does by itself."""

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime writes an id and queues an event while it is imported
    "HF_HUB_DISABLE_TELEMETRY": "1",  # the hub's client, and hf_xet, which downloads for it
}
"""Variables that a library reads while it is imported. One that a person has set stays as it is."""

REPORTER = "openvino_telemetry"
"""What OpenVINO, while it is imported, reports its use with, to Google Analytics. No variable switches it off."""


def switch_off() -> None:
    """Let no library report, unless a person allows it."""
    if _allowed():
        return
    for variable, value in SWITCHES.items():
        os.environ[variable] = os.environ.get(variable) or value  # an empty one is none to them


@contextmanager
def no_reporter() -> Iterator[None]:
    """Import OpenVINO inside this: it does without its reporter then."""
    hidden = REPORTER not in sys.modules and not _allowed()
    if hidden:
        sys.modules[REPORTER] = None  # type: ignore[assignment]  # Python's own way of saying that it cannot be had
    try:
        yield
    finally:
        if hidden:
            del sys.modules[REPORTER]


def mute_onnxruntime() -> None:
    """Let ONNX Runtime tell Windows nothing: there its events go to the system's own log, which may be sent.

    Not run so far.
    """
    if sys.platform == "win32" and not _allowed():
        try:
            import onnxruntime

            onnxruntime.disable_telemetry_events()
        except (ImportError, AttributeError, OSError):
            return  # whoever loads it next says what it lacks


def _allowed() -> bool:
    return os.environ.get(ALLOW, "") not in ("", "0")
