"""``ngrt doctor``: what this machine has and lacks, as a table of checks, and what can be played on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ngrt.doctor import engines, machine, pads, screens
from ngrt.doctor.checks import Check, Entry, Finding, run_checks
from ngrt.session.choices import pace
from ngrt.session.settings import MOST_RATE, PlaySettings

ENGINE = "ENGINE"
"""Stands for an engine where there is none yet."""

SERVER = "restart the X server of that display"
DRIVER = "restart the computer: the pad's driver does not answer"


def checks(display: str | None, folder: Path) -> list[Check]:
    """Return every check, in the order in which they are made.

    ``display``: the X11 display, the one that $DISPLAY names if None; ``folder``: where engines will be.
    """
    return [
        Check("python", machine.python),
        Check("processor", machine.processor),
        Check("memory", machine.memory),
        Check("disk", partial(machine.disk, folder)),
        Check("timer", machine.timer),
        Check("gpu", engines.gpu, optional=True),
        Check("onnx runtime", engines.onnx_runtime, limit=8.0),
        Check("openvino", engines.openvino, optional=True),
        Check("tensorrt", engines.tensorrt, optional=True),
        Check("export", engines.exporting, optional=True),
        Check("arcade", arcade, needs=("onnx runtime",), limit=15.0),
        Check("video", video, optional=True, limit=6.0),
        Check("display", partial(screens.display, display), stuck=SERVER),
        Check("windows", partial(screens.windows, display), needs=("display",), stuck=SERVER),
        Check("capture", partial(screens.capture, display), needs=("display",), limit=8.0, stuck=SERVER),
        Check("virtual pad", pads.virtual_pad, limit=5.0),
        Check("pad test", pads.pad_test, needs=("virtual pad",), limit=5.0, stuck=DRIVER),
        Check("keyboard", partial(pads.keyboard, display), needs=("display",), limit=5.0, stuck=SERVER),
        Check("real pads", pads.real_pads, optional=True),
    ]


def arcade() -> Finding:
    """Find whether the arcade's engine runs here, and which rate it holds."""
    from ngrt.errors import FeasibilityError
    from ngrt.inference.open import open_policy
    from ngrt.policy.shipped import arcade_engine
    from ngrt.session.latency import engine_threads, measure, predictor

    settings = PlaySettings(rate="auto")
    with open_policy(arcade_engine(), threads=engine_threads(None)) as policy:
        spec, runs = policy.spec, policy.engine.name
        latency = measure(
            lambda steps: predictor(policy, settings, steps, "fresh"), spec.steps, spec.context_frames, 1 / MOST_RATE
        )
    takes = latency.fixed + spec.steps * latency.step
    found = f"a chunk of {spec.steps} steps takes {takes * 1e3:.1f} ms on {runs}"
    try:
        chosen = pace(settings, latency, spec)
    except FeasibilityError as error:
        return Finding("limited", f"{found}; {error.problem}; {error.limit}", "close what keeps the processor busy")
    held = f"{found}: holds {chosen.rate:g} Hz with {chosen.steps} of them"
    slow = chosen.rate < MOST_RATE
    return Finding("limited" if slow else "good", held, "ngrt play --rate auto" if slow else "")


def video() -> Finding:
    """Find what reads video files."""
    import av

    return Finding("good", f"PyAV {av.__version__}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be played here: each kind of game with its command, by what it is driven, and what to do next."""

    playable: bool
    games: dict[str, str]
    engines: list[str]
    pads: list[str]
    next: str


def judge(entries: Sequence[Entry], display: str | None, folder: Path) -> Verdict:
    """Return what ``entries`` come to: something can be played where an engine runs and a game or a screen is there.

    A video can be watched without anything to play.
    """
    found = {entry.name: entry.finding for entry in entries}
    runners = [name for name in ("onnx runtime", "openvino", "tensorrt") if found[name].state == "good"]
    driven = [kind for kind, check in (("xbox", "pad test"), ("keyboard", "keyboard")) if _usable(found, check)]
    engine, shown = _engine(folder), f" --display {display}" if display else ""
    pad = f" --pad {driven[0] if driven else 'none'}"
    games = {}
    if _usable(found, "arcade"):
        games["arcade"] = "ngrt play"
    if runners and _usable(found, "video"):
        games["a video"] = f"ngrt play {engine} --video FILE"
    if runners and _usable(found, "capture"):
        games["the display"] = f"ngrt play {engine}{shown or ' --monitor 0'}{pad}"
        if _usable(found, "windows"):
            games["a window"] = f"ngrt play {engine} --process GAME{shown}{pad}"
    playable = any(game != "a video" for game in games)
    return Verdict(playable, games, runners, driven, _next(found, games, engine))


def as_json(entries: Sequence[Entry], verdict: Verdict) -> dict[str, Any]:
    """Return all of it for programs."""
    lines = [{"name": entry.name, "optional": entry.check.optional, **asdict(entry.finding)} for entry in entries]
    return {"checks": lines, "verdict": asdict(verdict)}


def examine(display: str | None, folder: Path, report: Callable[[str, float], None]) -> tuple[list[Entry], Verdict]:
    """Make every check and judge what they found. ``report`` is told which comes next."""
    entries = list(run_checks(checks(display, folder), report))
    return entries, judge(entries, display, folder)


def _usable(found: Mapping[str, Finding], name: str) -> bool:
    return found[name].state != "missing"


def _engine(folder: Path) -> str:
    """Return an engine that was exported to ``folder``'s engines, or a word that stands for one."""
    made = sorted(manifest.parent for manifest in folder.glob("engines/*/manifest.json"))
    return next((str(one.relative_to(folder)) for one in made if one.name != "arcade"), ENGINE)


def _next(found: Mapping[str, Finding], games: Mapping[str, str], engine: str) -> str:
    """Return the command that gets furthest from here."""
    if not games:
        return found["onnx runtime"].fix or found["arcade"].fix or "pip install --force-reinstall ngrt"
    if "the display" not in games:
        return games.get("arcade", found["display"].fix or found["capture"].fix)
    if engine != ENGINE:
        return games.get("a window", games["the display"])
    if _usable(found, "export"):
        return "ngrt export nvidia/NitroGen --precision int8 --out engines/nitrogen"
    return found["export"].fix
