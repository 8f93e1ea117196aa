"""Signals at random moments of play and export, with what is left afterwards: keys, exit codes, figures, bundles.

The long form, which takes an hour or two::

    python -m tests.real.kill_drill --play 500 --export 100 --seed 1
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from Xlib.display import Display

from ngrt.errors import NgrtError
from ngrt.policy.bundle import check_files, read_manifest
from ngrt.policy.shipped import arcade_engine
from tests.real.xvfb import x_server

CHECKPOINT = Path(__file__).parents[1] / "data" / "parity" / "tiny.pt"
KEYS = '[sticks]\nthreshold = 0.02\nleft_up = "w"\nleft_down = "s"\nleft_left = "a"\nleft_right = "d"\n'
ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
STOPS = ("SIGTSTP", "SIGSTOP")
INTERRUPTED = 130

PATIENCE = 30.0
"""Seconds that ngrt may take to end on a busy machine; its own limit is six."""

LETTING_GO = 8.0
"""Seconds in which keys must be up, on a busy machine."""


@dataclass
class Tally:
    """What was seen: how often each signal met which end, and every fault in words."""

    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return it for people."""
        return [*(f"{count:5} {what}" for what, count in sorted(self.seen.items())), f"{len(self.faults):5} faults"]


@dataclass(frozen=True)
class Shot:
    """A signal, the seconds after the start at which it comes, and whether it comes again before the end."""

    name: str
    after: float
    again: bool

    @classmethod
    def drawn(cls, draw: random.Random, longest: float, names: tuple[str, ...]) -> "Shot":
        return cls(draw.choice(names), draw.uniform(0, longest), draw.random() < 0.3)

    def __str__(self) -> str:
        return f"{self.name}{' twice' if self.again else ''}"


@dataclass(frozen=True)
class End:
    """How a process ended; ``code`` None: it did not."""

    code: int | None
    printed: str
    told: str

    @property
    def was_loading(self) -> bool:
        """Whether Python had not come as far as to mind signals, which is when ngrt first says something."""
        return not self.told or "KeyboardInterrupt" in self.told


def number(name: str) -> int:
    return int(getattr(signal, name))


def fire(command: list[str], shot: Shot, stopped: Callable[[], object]) -> End:
    """Start ``command``, send the signal, and wait for the end; ``stopped`` looks on while a signal stops it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_mind_all
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(shot.after)
        process.send_signal(number(shot.name))
        if shot.name in STOPS:
            stopped()
            for name in ("SIGCONT", "SIGTERM"):
                process.send_signal(number(name))
        elif shot.again:
            with suppress(subprocess.TimeoutExpired):
                process.wait(random.uniform(0, 2))  # not of the drill's seed: it depends on the machine anyway
            process.send_signal(number(shot.name))
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(PATIENCE)
        process.kill()
        process.wait()
        out.seek(0), err.seek(0)
        return End(code, out.read(), err.read())


def _mind_all() -> None:
    """Undo what a shell does to what it runs in the background: to ignore interrupts."""
    for name in ENDS:
        signal.signal(number(name), signal.SIG_DFL)


def right_code(shot: Shot, end: End) -> bool:
    """Return whether the exit code is what the signal asks for; 0 where the work was done before it came."""
    if shot.name == "SIGKILL":
        return end.code in {-9, 0}
    own = number("SIGTERM" if shot.name in STOPS else shot.name)
    return end.code in {INTERRUPTED, 0} or (end.was_loading and end.code in {-own, 1})


def keys_up(display: str) -> bool:
    """Return whether all keys of ``display`` are up, within the time that there is for it."""
    with closing(Display(display)) as link:
        deadline = time.monotonic() + LETTING_GO
        while any(link.query_keymap()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


def drill_play(count: int, seed: int, tally: Tally, seconds: float = 3.0, longest: float = 8.0) -> None:
    """Play ``count`` times with a keyboard for a pad, for ``seconds``, and send a signal within ``longest``."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, x_server(Path(folder), "320x240") as screen:
        keys = Path(folder) / "keys.toml"
        keys.write_text(KEYS, "utf-8")
        command = [sys.executable, "-m", "ngrt", "play", str(arcade_engine()), "--display", screen.display]
        command += ["--pad", "keyboard", "--keys", str(keys), "--rate", "10", "--steps", "1", "--panic-key", "none"]
        command += ["--duration", str(seconds)]
        for turn in range(count):
            shot = Shot.drawn(draw, longest, (*ENDS, *STOPS, "SIGKILL"))
            held: list[str] = []

            def look(shot: Shot = shot, held: list[str] = held) -> None:
                if not keys_up(screen.display):
                    held.append(f"keys are down while {shot} stops it")

            end = fire(command, shot, look)
            _judge(turn, shot, end, tally, held)
            if not keys_up(screen.display):
                tally.faults.append(f"play {turn}: keys are down after {shot}")
            if " s  rate" in end.told and shot.name != "SIGKILL" and "played for" not in end.printed:
                tally.faults.append(f"play {turn}: no figures after {shot}")


def drill_export(count: int, seed: int, tally: Tally, longest: float = 30.0) -> None:
    """Export ``count`` times and send a signal within ``longest`` seconds."""
    draw = random.Random(seed)
    for turn in range(count):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = [sys.executable, "-m", "ngrt", "export", str(CHECKPOINT), "--out", str(folder / "bundle")]
            shot = Shot.drawn(draw, longest, (*ENDS, *STOPS, "SIGKILL"))
            end = fire(command, shot, lambda: time.sleep(1))
            _judge(turn, shot, end, tally, [])
            left = {path.name for path in folder.iterdir()}
            if "bundle" in left:
                with suppress(NgrtError):
                    check_files(folder / "bundle", read_manifest(folder / "bundle"))
                    left.remove("bundle")
            if "bundle" in left or (left and shot.name != "SIGKILL"):
                tally.faults.append(f"export {turn}: {shot} leaves {', '.join(sorted(left))}")


def _judge(turn: int, shot: Shot, end: End, tally: Tally, faults: list[str]) -> None:
    tally.seen[f"{shot} -> {end.code}"] += 1
    if end.code is None:
        faults.append(f"{shot} does not end it")
    elif not right_code(shot, end):
        faults.append(f"{shot} after {shot.after:.2f} s -> {end.code}: {end.told[-300:]!r}")
    if "Traceback" in end.told and not end.was_loading:
        faults.append(f"{shot} -> {end.told[-300:]!r}")
    tally.faults += [f"turn {turn}: {fault}" for fault in faults]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--play", type=int, default=500)
    parser.add_argument("--export", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    failed = False
    for what, drill, count in (("play", drill_play, chosen.play), ("export", drill_export, chosen.export)):
        tally = Tally()
        drill(count, chosen.seed, tally)
        sys.stdout.write("\n".join([f"{what}: {count} signals", *tally.lines(), *tally.faults]) + "\n")
        failed |= bool(tally.faults)
    sys.exit(failed)


if __name__ == "__main__":
    main()
