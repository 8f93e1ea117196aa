"""Measures pads in the guest and keeps every sample: ``python -m tests.real.pad_latency FILE``.

The result reads like those of ``ngrt bench``. It says what the code, the kernel and SDL do one after the other, not how
fast a real machine is: the guest is emulated, with two processors for the player and the game.
"""

import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench.report.console import render, write_json
from bench.schema.content import content_of
from bench.schema.distribution import Distribution
from bench.schema.provenance import Provenance
from tests.real.guest import made_guest
from tests.real.machine import Machine
from tests.real.test_pads import in_guest

CHANGES = 700
"""Enough for a 99th percentile."""


def main(file: Path) -> None:
    """Measure, print, and write to ``file``."""
    provenance = Provenance.here()
    with closing(Machine(made_guest())) as machine:
        seen = in_guest(machine, "pad_drill", str(CHANGES))
    times = {
        "update_to_event": Distribution.of(seen["latency"]),
        "send_xbox": Distribution.of(seen["xbox"]["send"]),
        "send_ds4": Distribution.of(seen["ds4"]["send"]),
    }
    console = Console()
    console.print(
        render(provenance, {"pads in the guest": [(name, one.line("ms")) for name, one in times.items()]}, {})
    )
    settings = {"changes": CHANGES, "guest": "qemu, tcg, 2 processors", "reader": "SDL, pygame's event.wait"}
    suites = {"pads": {name: asdict(one) for name, one in times.items()}}
    write_json(content_of(provenance, settings, [], suites, {}), file, console)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
