"""The commands of ``ngrt bench``: measure, compare, hold against budgets, report."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators

from ngrt.cli.app import err, out, stage, tell
from ngrt.policy.bundle import AskedBackend

app = App(name="bench")

# As in bench.suites.registry, which is imported late: a test holds the two against each other.
Suite = Literal[
    "overhead", "shrink", "chunk", "stages", "sweep", "startup", "memory", "scale", "control", "photon", "loop"
]


@app.default
def bench(  # noqa: PLR0913  (one argument for each option)
    *suites: Suite,
    engine: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    backend: Annotated[tuple[AskedBackend, ...], Parameter(negative=(), show_default=False)] = (),
    checkpoint: Path | None = None,
    samples: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=100_000))] = None,
    steps: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=1000))] = None,
    threads: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    json_file: Annotated[Path | None, Parameter(name="--json", allow_leading_hyphen=True)] = None,
    plot_file: Annotated[Path | None, Parameter(name="--plot")] = None,
    html_file: Annotated[Path | None, Parameter(name="--html")] = None,
    limits: Path | None = None,
    episodes: Annotated[int | None, Parameter(validator=validators.Number(gte=2, lte=10_000))] = None,
    display: str | None = None,
) -> None:
    """Measure how fast engines are, how near to the hardware's limit, how late ticks are, and what delay costs.

    With no arguments: the arcade's engine, in about a minute. To compare engines with the reference's way of running
    the same policy: `ngrt bench chunk --engine A --engine B --checkpoint C.pt`.

    overhead: everything but the model. shrink: a frame to 256 x 256, against OpenCV. chunk: a chunk against the
    reference in fp32 and bf16, alternating. stages: where a chunk's time goes. sweep: time and accuracy by number
    of denoise steps. startup, memory: of a fresh process. scale: time by steps, threads, frames, horizon and
    context. control: how late ticks are, idle and with the engine flat out, beside a naive loop; four minutes.
    photon: from a picture on the screen to a key in the game, without the model, under X11; three minutes. loop: the
    arcade's score by delay and way of merging; most of an hour.

    Parameters
    ----------
    suites
        What to measure; if not given, all that can run with the other options, except control, photon and loop.
    engine
        Engine bundle, made by `ngrt export`; several take turns. The arcade's if not given.
    backend
        What runs the engines; each engine takes a turn on each backend that can run it. What suits this machine if not
        given.
    checkpoint
        The checkpoint that the engines were made from, to run the reference on it.
    samples
        Chunks of each engine; as many as fit in a minute or less if not given. A p99 needs 662.
    steps
        chunk, stages: denoise steps; the policy's own number if not given.
    threads
        Threads of engines and reference; all cores if not given.
    json_file
        Write machine, versions, settings and every sample to this file; `-` prints them instead of the tables.
    plot_file
        loop: draw score against delay into this PNG or SVG file.
    html_file
        Write a page with plots and every table to this file.
    limits
        Budgets in TOML to hold the result against; those that come with ngrt if not given.
    episodes
        loop: episodes of each setting; as many as make the 95% intervals narrower than 0.02 if not given.
    display
        photon: the X11 display to flash on, all of it; a server without a screen is started for it if not given.
    """
    runner, commands = stage("bench.run"), stage("bench.commands")
    commands.check_options(html_file, limits)  # fails now, not after minutes of measuring
    from ngrt.view.progress import progress_bar

    with progress_bar(err) as progress:
        given = {"samples": samples, "steps": steps, "threads": threads, "episodes": episodes}
        effort = runner.Effort(**{name: value for name, value in given.items() if value is not None})
        content = runner.run_suites(
            suites,
            engine,
            checkpoint,
            json_file,
            out,
            backends=backend,
            plot_file=plot_file,
            display=display,
            effort=effort,
            progress=progress,
        )
    commands.conclude(content, None if json_file == Path("-") else out, html_file, limits)
    if html_file is not None:
        tell(f"wrote {html_file}")


@app.command(name="compare")
def compare_(
    one: Path,
    other: Path,
    /,
    *,
    noise: Annotated[float, Parameter(validator=validators.Number(gte=0, lte=1))] = 0.03,
    fail_on: Literal["slower"] | None = None,
    markdown: bool = False,
) -> int:
    """Compare two results: the second's medians over the first's, with intervals, and a verdict on each.

    Parameters
    ----------
    one
        The result to compare with: a file written by `ngrt bench --json`.
    other
        The result to compare: another such file.
    noise
        A change up to this share counts as none.
    fail_on
        Exit with 1 if something is slower.
    markdown
        Print a table for a pull request.
    """
    slower = stage("bench.report.compare").run(one, other, noise, out, markdown=markdown)
    return int(slower and fail_on == "slower")


@app.command
def budgets(result: Path, /, *, limits: Path | None = None) -> int:
    """Hold a result against its budgets; exit with 1 if it misses a ratio that this machine can meet.

    Parameters
    ----------
    result
        A file written by `ngrt bench --json`.
    limits
        Budgets in TOML; those that come with ngrt if not given.
    """
    return int(stage("bench.report.budgets").run(result, limits, out))


@app.command
def report(
    result: Path,
    /,
    *,
    html_file: Annotated[Path, Parameter(name="--html")],
    limits: Path | None = None,
) -> None:
    """Make a page with plots and every table from a result. It needs no network, and no other file.

    Parameters
    ----------
    result
        A file written by `ngrt bench --json`.
    html_file
        File to write.
    limits
        Budgets in TOML to hold the result against; those that come with ngrt if not given.
    """
    stage("bench.report.page").run(result, html_file, limits)
    tell(f"wrote {html_file}")
