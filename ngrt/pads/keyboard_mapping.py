"""Which keys a pad's state presses: a file that says it, and the arithmetic."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from ngrt.errors import SettingsError
from ngrt.keyboard.names import KEYS, PRESSABLE, known, nearest
from ngrt.messages import STICK_REPEATS, PadState
from ngrt.policy.actions import BUTTONS_21
from ngrt.reading import parse_toml, read_whole
from ngrt.text import one_line, short

DEFAULT = Path(__file__).with_name("default_keys.toml")
"""The mapping where no file is given, and the example to copy."""

BUTTONS = tuple(name for name in BUTTONS_21 if name not in STICK_REPEATS)
DIRECTIONS = {"up": (1, -1), "down": (1, 1), "left": (0, -1), "right": (0, 1)}
"""Axis and sign; y grows downward."""

MOST_BYTES = 64 * 2**10
MOST_KEYS = 4


class KeyMapping:
    """Which keys are down in a state of the pad.

    ``buttons``: keys by button; ``sticks``: keys by stick and direction, such as ``left_up``; ``threshold``: how far a
    stick must be pushed, in (0, 1].
    """

    def __init__(
        self, buttons: Mapping[str, tuple[str, ...]], sticks: Mapping[str, tuple[str, ...]], threshold: float = 0.5
    ) -> None:
        self._buttons, self._threshold = dict(buttons), threshold
        self._sticks = []
        for name, keys in sticks.items():
            stick, _, direction = name.partition("_")
            self._sticks.append((stick == "left", *DIRECTIONS[direction], keys))
        self.names = frozenset(key for keys in (*buttons.values(), *sticks.values()) for key in keys)
        """Every key it may press."""

    def pressed(self, state: PadState) -> frozenset[str]:
        """Return the keys that are down while the pad is in ``state``: each while anything presses it."""
        down = {key for button in state.buttons for key in self._buttons.get(button, ())}
        for is_left, axis, sign, keys in self._sticks:
            if (state.left if is_left else state.right)[axis] * sign >= self._threshold:
                down.update(keys)
        return frozenset(down)


def load_mapping(path: Path | None = None) -> KeyMapping:
    """Return the mapping in a TOML file, the one that ships with ngrt if None.

    :raises SettingsError: the file cannot be read, or has an entry that means nothing; names the entry and the remedy
    """
    path = path or DEFAULT
    content = _read(path)
    try:
        checked = _File.model_validate(content)
    except ValidationError as error:
        raise _refusal(path, error) from error
    sticks = {name: keys for name in STICKS if (keys := getattr(checked.sticks, name))}
    mapping = KeyMapping(checked.buttons, sticks, checked.sticks.threshold)
    if not mapping.names:
        raise SettingsError(f"keys file {path} maps no key", remedy=f"start from a copy of {DEFAULT}")
    return mapping


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise SettingsError(
            f"keys file {path} does not exist", remedy=f"start from a copy of {DEFAULT}, or leave out --keys"
        )
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SettingsError(f"keys file {path} has {size} bytes", value=size, limit=f"the limit is {MOST_BYTES}")
    try:
        return parse_toml(read_whole(path, MOST_BYTES))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"keys file {path} is not TOML ({one_line(error)})", remedy=f"compare it with {DEFAULT}"
        ) from error


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _pressable(name: str) -> str:
    try:
        return known(name, PRESSABLE)
    except SettingsError as error:
        if name in KEYS:
            raise _wrong(f"{name} can be watched but not pressed", "choose another key") from error
        raise _wrong(error.problem, error.remedy) from error


def _button(name: str) -> str:
    if name not in BUTTONS:
        raise _wrong(f"no button is called {name!r}", nearest(name, BUTTONS))
    return name


def _wrong(problem: str, remedy: str) -> PydanticCustomError:
    """Return an error that pydantic hands on together with the entry it is in."""
    return PydanticCustomError("wrong", "{problem}", {"problem": problem, "remedy": remedy})


_Keys = Annotated[
    tuple[Annotated[str, AfterValidator(_pressable)], ...], BeforeValidator(_listed), Field(max_length=MOST_KEYS)
]


class _Sticks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.5, gt=0, le=1)
    left_up: _Keys = ()
    left_down: _Keys = ()
    left_left: _Keys = ()
    left_right: _Keys = ()
    right_up: _Keys = ()
    right_down: _Keys = ()
    right_left: _Keys = ()
    right_right: _Keys = ()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    buttons: dict[Annotated[str, AfterValidator(_button)], _Keys] = Field(default_factory=dict)
    sticks: _Sticks = _Sticks()


STICKS = tuple(name for name in _Sticks.model_fields if name != "threshold")


def _refusal(path: Path, error: ValidationError) -> SettingsError:
    """Return the first thing that is wrong, with the entry it is in and what would be right."""
    fault = error.errors(include_url=False)[0]
    table, *rest = (str(part) for part in fault["loc"] if part != "[key]")
    entry = f"[{table}] {rest[0]}" if rest else f"[{table}]"
    if fault["type"] == "extra_forbidden":
        allowed = ("threshold", *STICKS) if rest else ("buttons", "sticks")
        problem, remedy = f"{entry} is no entry", nearest(rest[-1] if rest else table, allowed)
    else:
        given = fault["input"] if isinstance(fault["input"], str) else short(fault["input"])
        value = "" if fault["loc"][-1] == "[key]" else f" = {short(given)}"
        problem, remedy = f"{entry}{value}: {fault['msg']}", fault.get("ctx", {}).get("remedy", "")
    return SettingsError(f"keys file {path}: {problem}", remedy=remedy)
