"""How a refusal must look: one line, and nothing left behind."""

import re
from pathlib import Path
from typing import Any

import pytest

from export.run import export_checkpoint
from ngrt.errors import NgrtError


def refused(error: type[NgrtError], message: str, checkpoint: Path | str, out: Path, **options: Any) -> str:
    """Export ``checkpoint``, which must fail with ``error`` and ``message``; return the whole message."""
    before = sorted(out.parent.iterdir())
    with pytest.raises(error) as caught:
        export_checkpoint(str(checkpoint), out, **options)
    text = str(caught.value)
    assert re.search(message, text), text
    assert "\n" not in text
    assert sorted(out.parent.iterdir()) == before
    return text
