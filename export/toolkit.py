"""Chooses and checks, before any work, the edition of TensorRT that builds engines, their precision and their GPUs.

TensorRT times its engines on the GPU that they are for. TensorRT for RTX needs no GPU: its engines are finished on the
player's machine.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from export.devices import capability_here
from ngrt.errors import MissingExtraError, SettingsError
from ngrt.policy.bundle import Precision, Target

CAPABILITY = re.compile(r"(\d{1,2})\.?(\d)")
LEAST_FP8 = (8, 9)
"""Ada, Hopper and Blackwell multiply fp8."""

TURING = "7.5"


@dataclass(frozen=True)
class Edition:
    """One edition of TensorRT: its module, and whether it times kernels, so that engines fit one kind of GPU only."""

    target: Target
    module: str
    timed: bool

    @property
    def extra(self) -> str:
        """The extra that installs it."""
        return self.target


EDITIONS: dict[Target, Edition] = {
    "tensorrt": Edition("tensorrt", "tensorrt", timed=True),
    "tensorrt-rtx": Edition("tensorrt-rtx", "tensorrt_rtx", timed=False),
}

DEFAULT_PRECISION: dict[Target, Precision] = {"onnx": "fp32", "tensorrt": "fp16", "tensorrt-rtx": "fp16"}


@dataclass(frozen=True)
class Toolkit:
    """An edition's module, the compute capabilities to build for, such as ``8.9``, and that of the GPU here."""

    edition: Edition
    trt: Any
    capabilities: tuple[str, ...]
    here: str | None

    @property
    def version(self) -> str:
        """The module's version."""
        return str(self.trt.__version__)


def open_toolkit(target: Target, precision: Precision, asked: Sequence[str]) -> Toolkit | None:
    """Return what builds engines of ``target`` for the capabilities ``asked``; None if the graphs stay ONNX.

    :raises SettingsError: target, precision and capabilities do not go together
    :raises MissingExtraError: the edition's module is not installed
    """
    capabilities = tuple(dict.fromkeys(_capability(text) for text in asked))
    if target == "onnx":
        if capabilities:
            raise SettingsError(
                f"--compute-capability is {', '.join(capabilities)}, but an ONNX bundle is built for no GPU",
                remedy="leave it out, or add --target tensorrt-rtx",
            )
        if precision == "fp8":
            raise SettingsError("fp8 needs TensorRT", remedy="add --target tensorrt or --target tensorrt-rtx")
        return None
    if precision == "int8":
        raise SettingsError(f"int8 is for CPUs, not for --target {target}", remedy="use --precision fp16 or fp8")
    edition = EDITIONS[target]
    try:
        trt = importlib.import_module(edition.module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or edition.module, edition.extra) from error
    here = capability_here(edition.extra)
    capabilities = _for_this_gpu(here, capabilities) if edition.timed else _offered(trt, here, capabilities)
    _check_precision(precision, capabilities)
    return Toolkit(edition, trt, capabilities, here)


def _capability(text: str) -> str:
    found = CAPABILITY.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"compute capability {text!r} is not a number such as 8.9 or 89", remedy="see docs/tensorrt.md"
        )
    return f"{found[1]}.{found[2]}"


def _for_this_gpu(here: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
    if here is None:
        raise SettingsError(
            "--target tensorrt builds on the GPU that its engines are for, and no NVIDIA GPU was found",
            remedy="export where it is, or use --target tensorrt-rtx --compute-capability 8.9",
        )
    if set(asked) - {here}:
        raise SettingsError(
            (
                "--target tensorrt builds for this machine's GPU alone, compute capability "
                f"{here}, not {', '.join(asked)}"
            ),
            remedy="leave --compute-capability out, or use --target tensorrt-rtx",
        )
    return (here,)


def _offered(trt: Any, here: str | None, asked: tuple[str, ...]) -> tuple[str, ...]:
    names = [name for name in trt.ComputeCapability.__members__ if re.fullmatch(r"SM\d+", name)]
    offered = [_capability(name.removeprefix("SM")) for name in names]
    if not asked:
        if here is None:
            raise SettingsError(
                "no NVIDIA GPU was found",
                remedy=f"say which to build for: --compute-capability, one or several of {', '.join(offered)}",
            )
        asked = (here,)
    for capability in asked:
        if capability not in offered:
            raise SettingsError(
                (
                    f"{trt.__name__} {trt.__version__} builds nothing for compute capability "
                    f"{capability}, only for {', '.join(offered)}"
                ),
                remedy="choose one of them, or use --target tensorrt on that GPU",
            )
    return asked


def _check_precision(precision: Precision, capabilities: tuple[str, ...]) -> None:
    for capability in capabilities:
        major, minor = capability.split(".")
        if precision == "fp8" and (int(major), int(minor)) < LEAST_FP8:
            raise SettingsError(
                f"compute capability {capability} has no fp8",
                value=capability,
                limit="it begins with 8.9",
                remedy="use --precision fp16",
            )
        if precision in {"fp32", "bf16"} and capability == TURING:
            raise SettingsError(
                f"TensorRT multiplies no {precision} matrices on compute capability {TURING}",
                remedy="use --precision fp16",
            )
