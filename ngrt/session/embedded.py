"""A person's own frame source and pad, played by ngrt's pipeline from Python: no settings file, no terminal."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, Unpack

import anyio
import anyio.to_thread
from pydantic import ValidationError

from ngrt.clock import MonotonicClock
from ngrt.control.merging import Mode, Noise
from ngrt.errors import SettingsError
from ngrt.interfaces import FrameSource, Observer, Pad, Policy
from ngrt.pipeline.run import Session, run
from ngrt.session.game import Game
from ngrt.session.prepare import gc_frozen, prepare_session
from ngrt.session.reporter import Reporter
from ngrt.session.settings import PlaySettings
from ngrt.session.snapshot import Snapshot


class PlayOptions(TypedDict, total=False):
    """Options of `play`: those of ``ngrt play`` with the same names, meanings and defaults."""

    rate: float | Literal["auto"]
    duration: float | None
    steps: int | Literal["auto"] | None
    guidance: float
    game: str | None
    chunking: Mode | None
    noise: Noise | None
    beta: float | None
    hold: int
    max_age: float | None
    allow_menu: bool


def play(
    policy: Policy,
    source: FrameSource,
    pad: Pad,
    *,
    observers: Sequence[Observer] = (),
    **options: Unpack[PlayOptions],
) -> Snapshot:
    """Play until ``source`` ends, ``duration`` seconds are over or Ctrl-C; return the session's figures.

    The game is never stopped: capture, inference and the pad run side by side, the pad at ``rate`` ticks a second (60
    by default; ``"auto"``: as many as the policy can hold on this machine, up to 60). The pad is neutral at the end,
    however the session ends. The caller closes policy, source, pad and observers.

    :raises ngrt.errors.SettingsError: an option is unknown or out of its range
    :raises ngrt.errors.FeasibilityError: the policy is too slow here for what is asked
    :raises ngrt.errors.NgrtError: a device or the policy failed
    """
    session, report = _prepared(policy, source, pad, observers, options)
    with gc_frozen():
        anyio.run(run, session)
    return report.snapshot()


async def play_async(
    policy: Policy,
    source: FrameSource,
    pad: Pad,
    *,
    observers: Sequence[Observer] = (),
    **options: Unpack[PlayOptions],
) -> Snapshot:
    """Do the same as `play` in a running event loop, asyncio's or trio's. If cancelled, it leaves the pad neutral.

    :raises ngrt.errors.NgrtError: as `play` does
    """
    session, report = await anyio.to_thread.run_sync(_prepared, policy, source, pad, observers, options)
    with gc_frozen():
        await run(session)
    return report.snapshot()


def _prepared(
    policy: Policy, source: FrameSource, pad: Pad, observers: Sequence[Observer], options: Mapping[str, object]
) -> tuple[Session, Reporter]:
    """Measure the policy; return a session that is ready, and its reporter."""
    settings, clock, game = _settings_of(options), MonotonicClock(), Game(source, pad)
    session = prepare_session(policy, game, settings, settings.duration, clock, lambda text: None, observers)
    return session, Reporter(session, game, policy.name, settings.duration, clock.now())


def _settings_of(options: Mapping[str, object]) -> PlaySettings:
    """Return ``options`` as checked settings.

    :raises SettingsError: one is unknown or out of its range
    """
    known = sorted(PlayOptions.__annotations__)
    if unknown := sorted(set(options) - set(known)):
        raise SettingsError(
            f"{unknown[0]} is not an option of ngrt.play", value=unknown[0], remedy=f"choose from: {', '.join(known)}"
        )
    if options.get("chunking") == "lockstep":
        raise SettingsError(
            "chunking is lockstep, which stops the game, and ngrt cannot stop a game of yours",
            value="lockstep",
            remedy="choose another, or leave it out",
        )
    try:
        return PlaySettings.model_validate(options)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise SettingsError(
            f"{fault['loc'][0]} is {fault['input']!r}", value=fault["input"], limit=fault["msg"].lower()
        ) from error
