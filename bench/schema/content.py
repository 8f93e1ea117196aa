"""The outermost names of a result file, and the version of its shape."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bench.schema.provenance import Provenance

SCHEMA_VERSION = 2
"""Of the files that are written and read here. It grows when a name moves or changes its meaning, not with new names.

Files of before it was written down are of version 1.
"""


def content_of(
    provenance: Provenance,
    settings: Mapping[str, object],
    engines: Sequence[Mapping[str, object]],
    suites: Mapping[str, object],
    not_run: Mapping[str, str],
) -> dict[str, object]:
    """Return what a result file holds: where it was taken and with what, what each suite found, what was not run."""
    return {
        "schema": SCHEMA_VERSION,
        "provenance": asdict(provenance),
        "settings": dict(settings),
        "engines": list(engines),
        "suites": dict(suites),
        "not_run": dict(not_run),
    }
