"""The command line: commands -> settings -> app.

With `ngrt.cli.bench`, the commands of ``ngrt bench``, and `ngrt.cli.launch` the only place that prints.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from ngrt.bundle import AskedBackend, Precision, Target
from ngrt.cli import bench as benchmarks
from ngrt.cli.bench import bench
from ngrt.cli.launch import app, err, out, run, stage, tell
from ngrt.settings import PlaySettings

__all__ = ["bench", "run"]

SEED = Parameter(validator=validators.Number(gte=0, lt=2**63))

app.command(benchmarks.app)


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
    if not outcome.snapshot.played and outcome.snapshot.blocked:
        tell(f"nothing was played: {outcome.snapshot.message or 'a guard kept the pad neutral'}")
    if engine is None:
        tell(NEXT_STEPS)
    if outcome.interrupted:
        raise KeyboardInterrupt


@app.command
def windows(
    *,
    display: str | None = None,
    every: Annotated[bool, Parameter(name="--all")] = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """List the windows that can be played, the one most likely a game's first, with the command that plays it.

    Parameters
    ----------
    display
        The X11 display, such as :0; the one that $DISPLAY names if not given.
    every
        List helpers, overlays, tiny windows and the own terminal too.
    as_json
        Print them as JSON.
    """
    from ngrt.backends.desktops import blind_spot, open_desktop
    from ngrt.backends.processes import own_line
    from ngrt.window_table import listed, windows_json, windows_table

    desktop = open_desktop(display)
    try:
        found, focused = desktop.windows(), desktop.focused()
    finally:
        desktop.close()
    shown = listed(found, own_line(), every)
    if as_json:
        out.print_json(data=windows_json(found, shown, focused, display))
    elif shown:
        out.print(windows_table(found, shown, focused, display))
    else:
        tell("no window is open that could be a game's; start the game, or see all there are: ngrt windows --all")
    if unseen := blind_spot(display):
        tell(unseen)


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
        tell(f"wrote {out_file}: {chunk.horizon} rows")


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
    described = stage("export.describe").describe(path)
    out.print(checkpoint_table(described.name, described.facts, described.parts))


@app.command
def doctor(
    *,
    display: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Tell what this machine has and lacks for playing, each with its fix; exit with 1 if nothing can be played.

    Ten seconds or less. Nothing is changed, but for a pad that is there for a moment and stays neutral.

    Parameters
    ----------
    display
        The X11 display to look at, such as :0; the one that DISPLAY names if not given.
    as_json
        Print JSON instead of the table.
    """
    from ngrt import doctor as looking
    from ngrt.health_view import entry_lines, verdict_lines
    from ngrt.views import progress_bar

    with progress_bar(err) as progress:
        entries, verdict = looking.examine(display, Path.cwd(), progress)
    if as_json:
        out.out(json.dumps(looking.as_json(entries, verdict), indent=1), highlight=False)
        return int(not verdict.playable)
    width = out.width if out.is_terminal else None
    for line in entry_lines(entries, width):
        out.print(line)
    out.print()
    for line in verdict_lines(verdict.games, verdict.engines, verdict.pads, verdict.next, width):
        out.print(line)
    return int(not verdict.playable)


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
    building = stage("export.run")
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
        tell(f"forced: this engine is too far from the fp32 graphs: {manifest.gate.failure}")
    tell(f"wrote {out_dir}; play it with: ngrt play {out_dir} --process GAME")


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
    described = stage("export.synth").synth(size, seed, out_file)
    tell(f"wrote {out_file}: {described.parameters:,} parameters in {described.tensors} tensors")
