"""`ngrt doctor`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ngrt.cli.app import app, err, out


@app.command
def doctor(
    *,
    display: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Show what this machine has and lacks for playing, with fixes; exit with 1 if nothing can be played.

    Takes ten seconds or less. Changes nothing; a virtual pad, kept neutral, is plugged in for a moment.

    Parameters
    ----------
    display
        The X11 display to check, such as :0; the one that DISPLAY names if not given.
    as_json
        Print JSON instead of the table.
    """
    from ngrt.doctor import report
    from ngrt.view.doctor import entry_lines, verdict_lines
    from ngrt.view.progress import progress_bar

    with progress_bar(err) as progress:
        entries, verdict = report.examine(display, Path.cwd(), progress)
    if as_json:
        out.print_json(data=report.as_json(entries, verdict), indent=1)
        return int(not verdict.playable)
    width = out.width if out.is_terminal else None
    for line in entry_lines(entries, width):
        out.print(line)
    out.print()
    for line in verdict_lines(verdict.games, verdict.engines, verdict.pads, verdict.next, width):
        out.print(line)
    return int(not verdict.playable)
