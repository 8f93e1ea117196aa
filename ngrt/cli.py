"""The command line: commands -> settings -> app. The only place that prints.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 an error in one line, 2 wrong
usage, 130 interrupted.
"""

import importlib
import sys
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, validators
from cyclopts.config import Dict
from pydantic import ValidationError
from rich.console import Console

from ngrt.bundle import AskedBackend, Precision, Target
from ngrt.errors import MissingExtraError, NgrtError, SettingsError
from ngrt.figures import printable
from ngrt.settings import SOURCES, PlaySettings

SEED = Parameter(validator=validators.Number(gte=0, lt=2**63))

out = Console(soft_wrap=True)
err = Console(stderr=True)

app = App(
    name="ngrt",
    help="Play games with the NitroGen vision-to-gamepad policy in real time.",
    help_epilogue=(
        "Start with `ngrt play`: the built-in arcade, no weights needed. Then `ngrt export nvidia/NitroGen --out "
        "engines/nitrogen` and `ngrt play engines/nitrogen --display :0`."
    ),
    default_parameter=Parameter(negative=()),
    version_flags=["--version"],
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


@app.command
def play(
    engine: Path | None = None,
    /,
    *,
    settings: Annotated[PlaySettings | None, Parameter(name="*")] = None,
) -> None:
    """Play a game in real time: capture, infer and actuate, without ever stopping the game.

    With no argument: the built-in arcade game, with the small engine that ships with ngrt. Ctrl-C ends the session and
    leaves the pad neutral.

    Parameters
    ----------
    engine
        Engine bundle, made by `ngrt export`.
    """
    from ngrt import app as sessions
    from ngrt.dashboard import summary
    from ngrt.views import NEXT_STEPS, open_view

    settings = settings or PlaySettings()
    with open_view(err) as view:
        outcome = sessions.play(engine, settings, view)
    out.print(summary(outcome.snapshot))
    if outcome.failure is not None:
        raise outcome.failure
    if engine is None:
        _tell(NEXT_STEPS)
    if outcome.interrupted:
        raise KeyboardInterrupt


@app.command
def predict(
    engine: Path,
    /,
    *frames: Annotated[Path, Parameter(json_list=False)],
    noise: Path | None = None,
    seed: Annotated[int | None, SEED] = None,
    steps: int | None = None,
    guidance: float = 1.0,
    game: str | None = None,
    backend: AskedBackend = "auto",
    out_file: Annotated[Path | None, Parameter(name="--out")] = None,
) -> None:
    """Predict one chunk of gamepad actions from image files, oldest first.

    Parameters
    ----------
    engine
        Engine bundle, made by `ngrt export`.
    frames
        One image file for each frame of context.
    noise
        A .npy file with the noise to start from: (horizon, action columns) float32.
    seed
        Makes the noise that is drawn repeatable.
    steps
        Denoise steps; the checkpoint's own if not given.
    guidance
        Classifier-free guidance; 1 is none.
    game
        The game's name, for a policy trained with names.
    backend
        What runs the engine; auto: the GPU if there is one that can, else the fastest on this processor.
    out_file
        Write actions, j_left, j_right and buttons to this .npz file instead of printing a table.
    """
    from ngrt import load_policy
    from ngrt.backends.capture_images import read_image
    from ngrt.files import load_noise, save_chunk
    from ngrt.tables import chunk_table

    pictures = [read_image(frame) for frame in frames]
    start = None if noise is None else load_noise(noise)
    chunk = load_policy(engine, backend=backend, seed=seed).predict(pictures, start, steps, guidance, game)
    if out_file is None:
        out.print(chunk_table(chunk))
    else:
        save_chunk(chunk, out_file)
        _tell(f"wrote {out_file}: {chunk.horizon} rows")


@app.command
def info(path: Path, /) -> None:
    """Tell what a checkpoint or an engine bundle is.

    Parameters
    ----------
    path
        A checkpoint file, or the folder of an engine bundle.
    """
    from ngrt.tables import bundle_table, checkpoint_table

    if path.is_dir():
        from ngrt.bundle import check_files, read_manifest

        manifest = read_manifest(path)
        check_files(path, manifest)
        out.print(bundle_table(path, manifest))
        return
    described = _stage("export.describe").describe(path)
    out.print(checkpoint_table(described.name, described.facts, described.parts))


@app.command(name="export")
def export_(
    checkpoint: str,
    /,
    *,
    out_dir: Annotated[Path, Parameter(name="--out")],
    precision: Precision | None = None,
    target: Target = "onnx",
    compute_capability: tuple[str, ...] = (),
    context_frames: int | None = None,
    frames: Annotated[tuple[Path, ...], Parameter(negative=(), consume_multiple=True)] = (),
    force: bool = False,
) -> None:
    """Turn a checkpoint into a verified engine bundle, once; every `ngrt play` then starts from the bundle.

    Parameters
    ----------
    checkpoint
        A checkpoint file, or a repository on the Hugging Face hub: `nvidia/NitroGen` fetches and checks `ng.pt`.
    out_dir
        Folder to make; it must not exist yet.
    precision
        Number format of weights and products; fp32 if not given, fp16 for TensorRT. int8 is the fastest on a CPU, fp8
        on a GPU that has it; both must agree with the fp32 graphs on calibration frames. fp16 needs a GPU to be fast.
    target
        What runs the engine: ONNX Runtime, TensorRT on this machine's GPU, or TensorRT for RTX on any GeForce.
    compute_capability
        GPUs to build for, such as 8.9; may be given several times. Needed for tensorrt-rtx where there is no GPU.
    context_frames
        Frames the policy sees at once; the checkpoint's own number if not given.
    frames
        Images and videos of the game that a lossy engine is held to; pictures that are made up if none.
    force
        Write a lossy engine even if it is too far from the fp32 graphs; `ngrt info` then says so.
    """
    building = _stage("export.run")
    from ngrt.views import progress_bar

    with progress_bar(err) as progress:
        manifest = building.export_checkpoint(
            checkpoint,
            out_dir,
            precision=precision,
            target=target,
            capabilities=compute_capability,
            context_frames=context_frames,
            gating=building.Gating(frames, force),
            progress=progress,
        )
    if manifest.gate is not None and manifest.gate.failure:
        _tell(f"forced: this engine is too far from the fp32 graphs: {manifest.gate.failure}")
    _tell(f"wrote {out_dir}; play it with: ngrt play {out_dir} --display :0")


@app.command
def synth(
    *,
    size: Literal["tiny", "released"],
    out_file: Annotated[Path, Parameter(name="--out")],
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Write a checkpoint with random weights in NitroGen's layout, for tests and benchmarks without the weights.

    Parameters
    ----------
    size
        tiny: seconds and a megabyte; released: the real model's 493,631,513 parameters, 2 GB.
    out_file
        File to write; it must not exist yet.
    seed
        Makes the weights repeatable.
    """
    described = _stage("export.synth").synth(size, seed, out_file)
    _tell(f"wrote {out_file}: {described.parameters:,} parameters in {described.tensors} tensors")


@app.command
def bench(
    *suites: Literal["overhead", "chunk", "load", "control", "loop"],
    engine: Path | None = None,
    checkpoint: Path | None = None,
    json_file: Annotated[Path | None, Parameter(name="--json", allow_leading_hyphen=True)] = None,
    plot_file: Annotated[Path | None, Parameter(name="--plot")] = None,
    episodes: Annotated[int | None, Parameter(validator=validators.Number(gte=2, lte=10_000))] = None,
) -> None:
    """Measure latencies, how late ticks are, and what delay costs in closed loop.

    overhead: everything but the model. chunk: a chunk against the reference's way. load: from a fresh process to the
    first chunk. control: how late ticks are, idle and with the engine flat out, beside a naive loop. loop: the arcade's
    score by delay and way of merging; most of an hour, so it runs only when it is named.

    Parameters
    ----------
    suites
        What to measure; all that can run with what is given if none is named, but loop.
    engine
        Engine bundle, made by `ngrt export`.
    checkpoint
        The checkpoint it was made from, to run the reference's way.
    json_file
        Write machine, versions, settings and every sample to this file; `-` prints them instead of the tables.
    plot_file
        loop: draw score against delay into this PNG or SVG file.
    episodes
        loop: episodes of each setting; as many as make the 95% intervals narrower than 0.02 if not given.
    """
    measuring = _stage("bench.suites")
    from ngrt.views import progress_bar

    with progress_bar(err) as progress:
        effort = measuring.Effort(episodes=episodes)
        measuring.run_suites(
            suites, engine, checkpoint, json_file, out, plot_file=plot_file, effort=effort, progress=progress
        )


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    debug: bool = False,
) -> int:
    """Run one command.

    Parameters
    ----------
    config
        Settings file; `ngrt.toml` in the working folder is read where none is named. Flags win over it.
    debug
        Show the traceback of an error.
    """
    try:
        app.config = _settings_file(config, tokens)
        app(tokens)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  (whatever goes wrong is told in one line)
        if _was_interrupted(error):
            return 130
        return _fail(_told(error), 2 if isinstance(error, CycloptsError) else 1, error if debug else None)
    return 0


def _told(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, CycloptsError):
        return _usage(error)
    if isinstance(error, NgrtError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; check the path, its permissions and the space on the disk"
    return f"{type(error).__name__}: {' '.join(str(error).split())} (a fault in ngrt; `ngrt --debug` shows where)"


def _settings_file(chosen: Path | None, tokens: Sequence[str]) -> Dict:
    """Return what the chosen settings file says, or ngrt.toml, which need not exist.

    A game named among ``tokens`` stands for the file's, of whatever kind that is.

    :raises SettingsError: it does not exist, or is not TOML
    """
    path = chosen or Path("ngrt.toml")
    if chosen is not None and not chosen.is_file():
        raise SettingsError(f"settings file {chosen} does not exist; name one with --config, or leave it out")
    try:
        content = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"settings file {path} is not TOML ({error}); correct it or leave it out") from error
    commands = sorted(name for name in app if not name.startswith("-"))
    if unknown := [key for key in content if key not in commands]:
        tables = ", ".join(f"[{command}]" for command in commands)
        raise SettingsError(f"settings file {path} has {unknown[0]!r}; settings belong under one of {tables}")
    if any(token.partition("=")[0] in {f"--{source}" for source in SOURCES} for token in tokens):
        content["play"] = {key: value for key, value in content.get("play", {}).items() if key not in SOURCES}
    settings = Dict(content)
    settings.source = str(path)
    return settings


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    app.config = ()  # known only once --config has been read
    try:
        return int(app.meta(arguments) or 0)  # help and version return nothing
    except CycloptsError as error:
        return _fail(_usage(error), 2, None)


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether an interrupt is behind ``error``: a library that was just being imported may have changed it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _tell(text: str) -> None:
    """Print what was done, as it is: a log or a pipe gets whole lines."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def _fail(message: str, code: int, traceback_of: Exception | None) -> int:
    if traceback_of is not None:
        traceback.print_exception(traceback_of, file=sys.stderr)
    err.print(f"ngrt: {printable(message)}", style="red", markup=False, highlight=False, soft_wrap=True)
    return code


def _usage(error: CycloptsError) -> str:
    """Return a wrong usage in one line, with the help that lists what would be right."""
    if isinstance(error.__cause__, ValidationError):
        faults = error.__cause__.errors(include_url=False)
        text = "; ".join(
            f"--{str(fault['loc'][0]).replace('_', '-')} {fault['input']}: {fault['msg']}" for fault in faults
        )
    else:
        text = " ".join(str(error).split())
    return f"{text} (see: ngrt {' '.join([*(error.command_chain or ()), '--help'])})"


def _stage(module: str) -> ModuleType:
    """Import a part of the export stage, which alone needs torch."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, "export") from error
