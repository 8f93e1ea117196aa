"""What follows from the settings: which game, how long, how fast, how chunks are merged, which rules of control."""

from pathlib import Path

from ngrt.control.merging import Merging, default_merging
from ngrt.control.pacing import Latency, Pace, choose_pace
from ngrt.errors import SettingsError
from ngrt.pipeline.actuate import Control
from ngrt.policy.spec import PolicySpec
from ngrt.session.settings import ARCADE_SECONDS, MOST_RATE, PlaySettings, SourceKind

MAX_AGE = 0.25
"""Seconds; the default limit on an observation's age is at least this."""


def source_kind(settings: PlaySettings, engine: Path | None) -> SourceKind:
    """Return which kind of game was chosen, the arcade if none was.

    :raises SettingsError: several games were named, or an engine without a game, or a game without an engine
    """
    chosen = _named_games(settings)
    if len(chosen) > 1:
        raise SettingsError(f"{len(chosen)} games given (--{', --'.join(chosen)})", remedy="choose one")
    if not chosen and engine is not None:
        raise SettingsError(
            f"no game given for {engine}",
            remedy="choose --process GAME, --window TITLE, --display :0, --video FILE, --image FILE or --arcade",
        )
    if chosen and chosen != ["arcade"] and engine is None:
        flag = "process" if chosen == ["window"] and settings.process is not None else chosen[0]
        raise SettingsError(f"--{flag} needs an engine", remedy="make one with: ngrt export CHECKPOINT --out DIR")
    return chosen[0] if chosen else "arcade"


def _named_games(settings: PlaySettings) -> list[SourceKind]:
    """Return the kinds of all games that were named."""
    chosen: list[SourceKind] = []
    if settings.arcade:
        chosen.append("arcade")
    if settings.video is not None:
        chosen.append("video")
    if settings.process is not None or settings.window is not None:
        if settings.monitor is not None:
            raise SettingsError(
                f"--monitor {settings.monitor} with a window: the window is captured on whatever monitor it is",
                remedy="leave --monitor out",
            )
        chosen.append("window")
    elif settings.display is not None or settings.monitor is not None:
        chosen.append("display")
    if settings.image:
        chosen.append("image")
    return chosen


def seconds(settings: PlaySettings, kind: SourceKind) -> float | None:
    """Return how many seconds to play; None: until the source ends or someone stops it."""
    if settings.duration is None and kind == "arcade":
        return ARCADE_SECONDS
    return settings.duration


def most_steps(settings: PlaySettings, spec: PolicySpec) -> int:
    """Return the denoise steps that were asked for, else the most that may be chosen."""
    return settings.steps if isinstance(settings.steps, int) else spec.steps


def pace(settings: PlaySettings, latency: Latency, spec: PolicySpec) -> Pace:
    """Return rate and steps: as asked, or as many as this machine can hold.

    :raises ngrt.errors.FeasibilityError: the policy is too slow for them
    """
    most = most_steps(settings, spec)
    rate = None if settings.rate == "auto" else settings.rate
    if settings.chunking == "lockstep":  # the game waits, so any rate holds
        return Pace(rate or MOST_RATE, most, 0)
    steps = None if settings.steps == "auto" else most
    return choose_pace(latency, spec.action_horizon, rate, steps, Pace(MOST_RATE, most, 0))


def merging(settings: PlaySettings, delay: int, *, takes_guide: bool) -> Merging:
    """Return how chunks are merged: as asked, else what is best at ``delay`` ticks.

    :raises SettingsError: the mode that was asked for needs a guide, and the policy takes none
    """
    best = default_merging(delay, takes_guide=takes_guide)
    mode = settings.chunking or best.mode
    noise = settings.noise or (best.noise if settings.chunking is None else "fresh")
    beta = best.beta if settings.beta is None else settings.beta
    chosen = Merging(mode, noise, beta, settings.execute or best.execute)
    if chosen.needs_guide and not takes_guide:
        raise SettingsError(
            f"--chunking {mode} guides the policy while it denoises, and this policy takes no guide",
            value=mode,
            remedy=f"use --chunking {best.mode}, or leave it out",
        )
    return chosen


def control(settings: PlaySettings, duration: float | None, at: Pace, how: Merging, takes: float) -> Control:
    """Return the rules of control for ``duration`` seconds at a pace, with chunks that take ``takes`` seconds.

    :raises SettingsError: chunks take longer than ``--max-age`` allows
    """
    waits = how.mode == "lockstep"
    if settings.max_age is not None and settings.max_age < takes and not waits:
        raise SettingsError(
            f"--max-age is {settings.max_age:g} s; a chunk takes {takes:.3f} s here, so nothing would ever be played",
            value=settings.max_age,
            remedy=f"try --max-age {2 * takes:.2g} or leave it out",
        )
    # rows may be two delays old: a chunk takes one delay, and is played until the next one is there
    oldest = how.execute + 1 if waits else 2 * at.delay
    return Control(
        rate=at.rate,
        ticks=None if duration is None else max(1, round(duration * at.rate)),
        hold=settings.hold,
        max_age=settings.max_age or max(MAX_AGE, oldest / at.rate),
        allow_menu=settings.allow_menu,
    )
