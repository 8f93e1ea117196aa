"""ONNX Runtime, imported in one place: whole, or told how to mend it; and silent."""

import sys
from platform import machine
from typing import TYPE_CHECKING, Any

from ngrt.errors import BundleError
from ngrt.text import one_line

if TYPE_CHECKING:
    import onnxruntime as ort

NEEDED = ("InferenceSession", "SessionOptions", "get_available_providers", "__version__")


def package() -> str:
    """Return the package that has ONNX Runtime on this machine."""
    with_gpu = sys.platform in ("linux", "win32") and machine() in ("x86_64", "AMD64")
    return "onnxruntime-gpu" if with_gpu else "onnxruntime"


def imported() -> Any:
    """Return the module.

    :raises BundleError: it is not installed, or not wholly: two packages share its files, and who removes one of them
        takes from the other
    """
    try:
        import onnxruntime

        lacking = next((name for name in NEEDED if not hasattr(onnxruntime, name)), "")
        reason = f"it has no {lacking}" if lacking else ""
    except Exception as error:  # noqa: BLE001  (a damaged library fails in its own way)
        reason = one_line(error)
    if reason:
        raise BundleError(
            f"ONNX Runtime is not installed, or only in part ({reason})",
            remedy=f"install it with: pip install --force-reinstall {package()}",
        )
    onnxruntime.disable_telemetry_events()  # on Windows it has some; ngrt reports to nobody
    return onnxruntime


if not TYPE_CHECKING:
    ort = imported()

__all__ = ["imported", "ort", "package"]
