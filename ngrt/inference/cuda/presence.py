"""Whether this machine has an NVIDIA GPU, asked of its driver alone."""

import ctypes
import sys

NO_DRIVER = "there is no NVIDIA driver"


def why_no_gpu() -> str:
    """Return why there is no NVIDIA GPU to be used, empty where there is one.

    Never run on a machine that has one.
    """
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return NO_DRIVER
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver finds no GPU"
    return ""
