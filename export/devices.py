"""The compute capability of this machine's GPU."""

from ngrt.errors import MissingExtraError


def capability_here(extra: str) -> str | None:
    """Return the compute capability of the first NVIDIA GPU, such as ``8.9``; None where there is none.

    Never run on a machine that has one.

    :raises MissingExtraError: NVIDIA's Python bindings are not installed; they come with ``extra``
    """
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise MissingExtraError("cuda-python", extra) from error
    fine = driver.CUresult.CUDA_SUCCESS
    try:
        if driver.cuInit(0)[0] != fine:
            return None
    except RuntimeError:  # no driver to load
        return None
    status, device = driver.cuDeviceGet(0)
    if status != fine:
        return None
    attributes = driver.CUdevice_attribute
    parts = [
        driver.cuDeviceGetAttribute(attribute, device)[1]
        for attribute in (
            attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        )
    ]
    return f"{parts[0]}.{parts[1]}"
