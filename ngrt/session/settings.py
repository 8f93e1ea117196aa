"""The settings of a session: one frozen object, filled from flags and ``ngrt.toml``, checked once.

What follows from them is in `ngrt.session.choices`.
"""

from pathlib import Path
from typing import Annotated, Literal, get_args

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

from ngrt.control.merging import Mode, Noise
from ngrt.interfaces import CaptureKind, PadKind
from ngrt.policy.bundle import AskedBackend

SourceKind = Literal["arcade", "video", "display", "image", "window"]
SOURCES = (*get_args(SourceKind), "process", "monitor")
"""The options that name a game."""

MOST_RATE = 60.0
"""Ticks a second by default, and the most that ``--rate auto`` chooses."""

ARCADE_SECONDS = 20.0
"""An arcade session ends by itself: one episode."""


def _any_text(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Let text be text that is not UTF-8, too: names of files and programs need not be; pydantic refuses it."""
    return value if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value) else check(value)


Name = Annotated[str, Field(min_length=1), WrapValidator(_any_text)]
"""What a program or a window is called."""


class PlaySettings(BaseModel):
    """Settings of ``ngrt play``; field names are the flags' names and the keys of ``[play]`` in ``ngrt.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arcade: Annotated[bool, Field(description="Play the built-in arcade game.")] = False
    video: Annotated[Path | None, Field(description="Watch a video file, at its own frame rate.")] = None
    process: Annotated[
        Name | None,
        Field(description="Play the game whose program has this name, such as game.exe; see `ngrt windows`."),
    ] = None
    window: Annotated[
        Name | None,
        Field(description="Play the window whose title contains this; with --process, one of its windows."),
    ] = None
    wait: Annotated[
        float,
        Field(
            ge=0, le=86_400, description="Seconds to wait for the game's window, and for the display, if not there yet."
        ),
    ] = 0.0
    lost: Annotated[
        Literal["wait", "end"],
        Field(
            description="When the game's window is closed: wait, pad neutral, until it is there again; or end. "
            "While it is minimised the pad is neutral."
        ),
    ] = "wait"
    display: Annotated[str | None, Field(description="The X11 display, such as :0; alone: watch all of it.")] = None
    monitor: Annotated[
        int | None, Field(ge=0, le=63, description="Watch one monitor, counted from 0; the primary one if not given.")
    ] = None
    capture: Annotated[
        CaptureKind,
        Field(description="Windows: how pictures are captured. dxgi is fastest; winrt works where dxgi does not."),
    ] = "auto"
    image: Annotated[tuple[Path, ...], Field(description="Watch a still image; repeat for more, a second each.")] = ()
    rate: Annotated[
        Annotated[float, Field(ge=0.1, le=1000)] | Literal["auto"],
        Field(description="Control ticks a second; auto: as many as this machine can hold, up to 60."),
    ] = MOST_RATE
    steps: Annotated[
        Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] | None,
        Field(
            description="Denoise steps a chunk, the checkpoint's own if not given; auto: as many of those as this "
            "machine can do at the rate."
        ),
    ] = None
    guidance: Annotated[float, Field(ge=-100, le=100, description="Classifier-free guidance; 1 is none.")] = 1.0
    game: Annotated[str | None, Field(description="The game's name, for a policy trained with names.")] = None
    chunking: Annotated[
        Mode | None,
        Field(
            description="How a new chunk takes over from the last; chosen by the engine's delay if not given. lockstep "
            "stops the game while the policy thinks."
        ),
    ] = None
    noise: Annotated[
        Noise | None,
        Field(description="steady: every chunk starts from the same noise; chosen with the chunking if not given."),
    ] = None
    beta: Annotated[float | None, Field(ge=0, le=100, description="rtc: the most it pulls towards the last chunk.")] = (
        None
    )
    execute: Annotated[
        int | None, Field(ge=1, le=1024, description="lockstep: rows of each chunk that are played; 8 if not given.")
    ] = None
    freeze: Annotated[
        int | None,
        Field(
            ge=1,
            description="lockstep: process id of the game whose clock is stopped. Windows; needs the extra lockstep, "
            "which puts a library into that process.",
        ),
    ] = None
    pad: Annotated[
        PadKind,
        Field(
            description="What plays: a virtual Xbox 360 or DualShock 4 pad, the keyboard, or none, which only records; "
            "auto: xbox for a window, and for a display if it can be made; the arcade's own pad for the arcade."
        ),
    ] = "auto"
    keys: Annotated[
        Path | None, Field(description="Mapping file for --pad keyboard: which key each button and stick presses.")
    ] = None
    wake: Annotated[
        str,
        Field(
            description="Game whose wake-up sequence is pressed first, for games that look for a pad only after that; "
            "auto: by the process's name; none."
        ),
    ] = "auto"
    focus_guard: Annotated[
        bool,
        Parameter(negative="--no-focus-guard"),
        Field(description="Make the pad neutral while the game's window does not have the focus."),
    ] = True
    panic_key: Annotated[
        str, Field(description="Key that ends the session at once, whatever has the focus; none: no such key.")
    ] = "F12"
    takeover: Annotated[
        tuple[str, ...],
        Field(
            description="What lets a person play while it is used: pad (a real pad's input goes through), or a key's "
            "name (while it is held the policy lets go); repeat for more."
        ),
    ] = ()
    duration: Annotated[
        float | None, Field(gt=0, le=604_800, description="Seconds to play; 20 for the arcade, else without end.")
    ] = None
    allow_menu: Annotated[bool, Field(description="Let the policy press BACK, START and GUIDE.")] = False
    hold: Annotated[
        int, Field(ge=0, le=600, description="Ticks the last state may stand in for a missing one, then neutral.")
    ] = 6
    max_age: Annotated[
        float | None,
        Field(
            gt=0,
            le=60,
            description="Oldest observation in seconds that may move the pad; if not given, 0.25, or twice a chunk's "
            "latency where that is more.",
        ),
    ] = None
    backend: Annotated[
        AskedBackend,
        Field(description="What runs the engine; auto: a GPU that can, else the fastest on this processor."),
    ] = "auto"
    threads: Annotated[
        int | None, Field(ge=1, le=1024, description="Threads of the engine; all cores but one if not given.")
    ] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**63, description="Makes noise and arcade repeatable.")] = None
