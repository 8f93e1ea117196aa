"""A checkpoint's own configuration as plain values: a pickle can hold more in less, and hide a mapping's methods."""

import json
from typing import Any

import torch

from ngrt.errors import CheckpointError
from ngrt.reading import MOST_DEEP
from ngrt.text import one_line, short

MOST_VALUES = 100_000
MOST_TEXT = 4 * 2**20
"""Values and characters of a configuration, each counted as often as it is referred to."""


def as_json(raw: object) -> dict[str, Any]:
    """Return a configuration as plain JSON values, for the manifest.

    :raises CheckpointError: JSON cannot hold it
    """
    try:
        text = json.dumps(raw, allow_nan=False, default=str)
        plain: dict[str, Any] = json.loads(text)
        json.dumps(plain, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"ckpt_config holds a value that JSON cannot ({one_line(error)})", remedy="save it again as plain values"
        ) from error
    return plain


def plain_copy(raw: object) -> Any:
    """Return ``raw`` with every mapping a ``dict`` and every sequence a ``list``, as far as anyone would write one.

    :raises CheckpointError: it is too deep or too large, or holds what is no setting
    """
    return _Copier().copy(raw)


class _Copier:
    """Counts what it copies; what stands in several places counts each time."""

    def __init__(self) -> None:
        self._values, self._text = 0, 0

    def copy(self, value: object, depth: int = 0) -> Any:
        """Return a copy of ``value``, which lies ``depth`` levels deep."""
        self._values += 1
        self._text += len(value) if isinstance(value, str) else 0
        if depth > MOST_DEEP or self._values > MOST_VALUES or self._text > MOST_TEXT:
            raise CheckpointError(
                "ckpt_config is too deep or too large",
                limit=f"the limits are {MOST_DEEP} levels, {MOST_VALUES} values and {MOST_TEXT} characters",
                remedy="is this NitroGen's checkpoint?",
            )
        if isinstance(value, dict):
            return {self._key(key): self.copy(inner, depth + 1) for key, inner in dict.items(value)}
        if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            return [self.copy(inner, depth + 1) for inner in value]
        if isinstance(value, torch.Tensor):
            raise CheckpointError("ckpt_config holds a tensor", remedy="save it again as plain values")
        return value

    def _key(self, key: object) -> str:
        self._text += len(key) if isinstance(key, str) else 0
        return key if isinstance(key, str) else short(key)
