"""``ngrt doctor`` whose checks may take their time, where how slow the machine is does not matter.

``python -m tests.doctor.patient OPTION ...``, the options of ``ngrt doctor``.
"""

import sys

from ngrt.cli.commands import run
from ngrt.doctor import checks
from ngrt.doctor.checks import Check, Finding, guarded
from tests.patience import HANG


def patiently(check: Check, limit: float) -> Finding:
    """Return what ``check`` finds, given up only where it hangs; stands in for `guarded`."""
    return guarded(check, HANG)


if __name__ == "__main__":
    setattr(checks, "guarded", patiently)  # noqa: B010  (mypy lets no function be replaced)
    sys.exit(run(["doctor", *sys.argv[1:]]))
