"""The commands about engines: predict one chunk, describe, export, and write a checkpoint with random weights."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from ngrt.cli.app import app, err, out, stage, tell
from ngrt.policy.bundle import CHECKPOINT_FILE, AskedBackend, Precision, Target

SEED = Parameter(validator=validators.Number(gte=0, lt=2**63))


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
        What runs the engine; auto: a GPU that can, else the fastest on this processor.
    out_file
        Write actions, j_left, j_right and buttons to this .npz file instead of printing a table.
    """
    from ngrt import load_policy
    from ngrt.files import load_noise, save_chunk
    from ngrt.sources.images import read_image
    from ngrt.view.tables import chunk_table

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
    """Describe a checkpoint or an engine bundle.

    Parameters
    ----------
    path
        A checkpoint file, a folder with `ng.pt`, or the folder of an engine bundle.
    """
    from ngrt.view.tables import bundle_table, checkpoint_table

    if path.is_dir() and not (path / CHECKPOINT_FILE).is_file():
        from ngrt.policy.bundle import check_files, read_manifest

        manifest = read_manifest(path)
        check_files(path, manifest)
        out.print(bundle_table(path, manifest))
        return
    described = stage("export.describe").describe(path)
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
    revision: str | None = None,
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
        Number format of weights and matrix products; fp32 if not given, fp16 for TensorRT. int8 is the fastest on a
        CPU, fp8 on a GPU that has it; both must agree with the fp32 graphs on calibration frames. fp16 is fast on GPUs
        only.
    target
        What runs the engine: ONNX Runtime, TensorRT on this machine's GPU, or TensorRT for RTX on any GeForce.
    compute_capability
        GPUs to build for, such as 8.9; may be given several times. Needed for tensorrt-rtx where there is no GPU.
    context_frames
        Frames the policy sees at once; the checkpoint's own number if not given.
    revision
        Branch, tag or commit of a repository; for `nvidia/NitroGen` the one that ngrt was tested with if not given,
        for others the main branch.
    frames
        Images and videos of the game, on which a lossy engine is checked; synthetic frames if not given.
    force
        Write a lossy engine even if it is too far from the fp32 graphs; `ngrt info` then says so.
    """
    export = stage("export.run")
    from ngrt.view.progress import progress_bar

    with progress_bar(err) as progress:
        manifest = export.export_checkpoint(
            checkpoint,
            out_dir,
            precision=precision,
            target=target,
            capabilities=compute_capability,
            context_frames=context_frames,
            revision=revision,
            gating=export.Gating(frames, force),
            progress=progress,
        )
    if manifest.gate is not None and manifest.gate.failure:
        tell(f"written by force: this engine is too far from the fp32 graphs: {manifest.gate.failure}")
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
