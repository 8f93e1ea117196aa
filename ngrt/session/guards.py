"""Opens the guards of a session from its settings: what may take the pad from the policy."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from ngrt.control.watches import FocusGuard, LockGuard, PanicKey, TakeoverKey, TakeoverPad
from ngrt.errors import SettingsError
from ngrt.interfaces import FrameSource, Keys, Locks, Pad, PersonPad, Watch, WindowSource
from ngrt.session.settings import PlaySettings, SourceKind
from ngrt.session.wake import chosen_presses

NONE, PAD = "none", "pad"


def open_person(settings: PlaySettings) -> PersonPad | None:
    """Return a person's own pad to take over with, None unless the settings ask for one.

    Open it before ngrt's own pad: Windows does not tell one from the other.

    :raises ngrt.errors.PadError: no pad can be read
    """
    if PAD not in _takeover(settings):
        return None
    from ngrt.pads.person.open import open_person_pad

    return open_person_pad()


def open_watches(
    kind: SourceKind, settings: PlaySettings, source: Callable[[], FrameSource], pad: Pad, person: PersonPad | None
) -> list[Watch]:
    """Return the guards that may take the pad from the policy.

    ``source`` returns the present source, which may have been opened again. ``person``: from `open_person`; its watch
    closes it.

    :raises ngrt.errors.NgrtError: one of them cannot be opened
    """
    watches: list[Watch] = []
    with ExitStack() as undo:

        def add(watch: Watch) -> None:
            undo.callback(watch.close)
            watches.append(watch)

        if kind in {"window", "display"} or settings.pad == "keyboard":
            for locks in _locks(settings):
                add(LockGuard(locks, partial(_window_number, source)))
        if kind == "window" and settings.focus_guard:
            add(_focus_guard(source, settings))
        if kind in {"window", "display"} and settings.panic_key.casefold() != NONE:
            add(PanicKey(_keys(settings, settings.panic_key, pad), settings.panic_key))
        if person is not None:
            add(TakeoverPad(person))
        for name in _takeover(settings):
            if name != PAD:
                add(TakeoverKey(_keys(settings, name, pad), name))
        undo.pop_all()
    return watches


def check_names(settings: PlaySettings) -> None:
    """Refuse unknown names of keys and games, before anything is opened or waited for.

    :raises ngrt.errors.SettingsError: there is no such key or game
    """
    from ngrt.keyboard.names import known

    chosen_presses(settings.wake, settings.process)
    takeover = [name for name in _takeover(settings) if name != PAD]
    if settings.panic_key.casefold() != NONE:
        known(settings.panic_key)
    for name in takeover:
        known(name)
        if name == settings.panic_key:
            raise SettingsError(f"--takeover {name} is also the panic key", remedy="choose another key for one of them")


def _focus_guard(source: Callable[[], FrameSource], settings: PlaySettings) -> FocusGuard:
    from ngrt.desktop.open import open_desktop

    number = partial(_window_number, source)
    return FocusGuard(open_desktop(settings.display), number, settings.process or source().name)


def _window_number(source: Callable[[], FrameSource]) -> int | None:
    present = source()
    return present.number if isinstance(present, WindowSource) else None


def _locks(settings: PlaySettings) -> Sequence[Locks]:
    from ngrt.desktop.open import open_locks

    return open_locks(settings.display)


def _keys(settings: PlaySettings, name: str, pad: Pad) -> Keys:
    from ngrt.keyboard.open import open_keys

    if name in getattr(pad, "key_names", ()):
        raise SettingsError(f"key {name} is pressed by the pad itself", remedy="choose another key, or change --keys")
    return open_keys(settings.display)


def _takeover(settings: PlaySettings) -> list[str]:
    return [PAD if name.casefold() == PAD else name for name in settings.takeover]
