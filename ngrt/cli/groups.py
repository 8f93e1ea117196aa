"""The options of `ngrt play` by what they are about, for its help."""

from cyclopts import Group, Parameter
from pydantic import BaseModel

GROUPS: dict[str, tuple[str, ...]] = {
    "Game": (
        *("arcade", "process", "window", "wait", "lost", "display", "monitor", "capture", "video", "image"),
        *("wake", "duration", "seed"),
    ),
    "Engine": ("backend", "threads", "steps", "guidance", "game"),
    "Control": ("rate", "chunking", "noise", "beta", "execute", "freeze", "hold", "max_age"),
    "Pad": ("pad", "keys", "allow_menu"),
    "Guards": ("focus_guard", "panic_key", "takeover"),
}
"""Fields of the settings; each is in one group."""

OUTPUT = Group("Output", sort_key=90)
"""What every command takes."""


def group_options(model: type[BaseModel]) -> None:
    """Put the fields of ``model`` into their groups, as cyclopts reads them; one in no group stays where it was."""
    for place, (name, fields) in enumerate(GROUPS.items()):
        for field in fields:
            model.model_fields[field].metadata.append(Parameter(group=Group(name, sort_key=place)))


def default_shown(value: object) -> str | None:
    """Return a default, None where it is not worth telling: an option that is off, or not given, is just that."""
    if value is None or value is False or value == ():
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)
