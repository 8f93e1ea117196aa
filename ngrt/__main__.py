"""``python -m ngrt`` and the ``ngrt`` command."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code. A termination ends it like an interrupt: cleaned up, with 130."""
    _on("SIGINT", _leave)
    from ngrt.cli.commands import run
    from ngrt.cli.output import claim_standard_output

    claim_standard_output()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        _on(name, signal.default_int_handler)
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _on(name: str, handler: Callable[[int, FrameType | None], object]) -> None:
    """Handle a signal, if the system has it and nobody, such as nohup, has switched it off."""
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: while Python is still loading there is nothing to clean up, and an import may swallow exceptions."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
