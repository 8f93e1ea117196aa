"""The progress of long work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ngrt.ending import at_once
from ngrt.view.terminal import drawable


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Show progress; yield a function that takes the stage's name and the share that is done, 0 to 1."""
    if not drawable(console):
        printed: list[str] = []

        def print_stage(stage: str, share: float) -> None:
            if printed[-1:] != [stage]:  # a log needs each stage once
                printed.append(stage)
                with suppress(OSError):  # a disk that is full must not end what is told of
                    console.print(f"{share:4.0%} {stage}", markup=False, highlight=False, soft_wrap=True)

        yield print_stage
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console)
    task = progress.add_task("starting", total=1.0)

    def report(stage: str, share: float) -> None:
        with suppress(OSError):
            progress.start()
            progress.update(task, description=stage, completed=share)

    def stop() -> None:
        with suppress(OSError):
            progress.stop()

    with at_once(stop):
        try:
            yield report
        finally:
            stop()
