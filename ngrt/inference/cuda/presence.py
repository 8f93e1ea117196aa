"""Whether this machine has an NVIDIA GPU, asked of its driver alone."""

import ctypes
import sys

NO_DRIVER = "there is no NVIDIA driver"


NAME_SIZE = 256


def gpu_name() -> str:
    """Return what the first GPU and its driver are called; empty where there is none.

    Never run on a machine that has one.
    """
    if why_no_gpu():
        return ""
    driver = ctypes.CDLL(_library())
    device, version, name = ctypes.c_int(0), ctypes.c_int(0), ctypes.create_string_buffer(NAME_SIZE)
    driver.cuDriverGetVersion(ctypes.byref(version))
    if driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, NAME_SIZE, device):
        return ""
    return f"{name.value.decode(errors='replace')}, driver {version.value}"


def why_no_gpu() -> str:
    """Return why there is no NVIDIA GPU to be used, empty where there is one.

    Never run on a machine that has one.
    """
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL(_library())
    except OSError:
        return NO_DRIVER
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "the NVIDIA driver finds no GPU"
    return ""


def _library() -> str:
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
