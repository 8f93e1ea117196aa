"""Who may take the pad from the policy, and what it does then: the strongest of several verdicts."""

import math

from ngrt.messages import NEUTRAL, Verdict


class Voice:
    """One who may take the pad: ``verdict`` is what it says now, None for nothing. Written in one thread at a time."""

    __slots__ = ("verdict",)

    def __init__(self) -> None:
        self.verdict: Verdict | None = None


class Vetoes:
    """What everybody says. Each has a voice of its own, so that no one's word is lost to another thread's.

    Read in the tick's thread without waiting: voices are few, and are never taken away.
    """

    def __init__(self) -> None:
        self._voices: tuple[Voice, ...] = ()
        self.over = -math.inf
        """When the tick last found a verdict, or found it over: what was seen before must not move the pad.

        Written by the tick alone.
        """

    def voice(self, *, first: bool = False) -> Voice:
        """Return a new voice; of those that block the ``first`` is quoted. Called in the event loop's thread."""
        voice = Voice()
        self._voices = (voice, *self._voices) if first else (*self._voices, voice)
        return voice

    @property
    def strongest(self) -> Verdict | None:
        """What holds now: one that blocks before one that lets a person play; None where the policy plays.

        Of two that let a person play, one that presses something comes first: a key that is held while a real pad is
        used must not keep the pad still.
        """
        standing = [verdict for verdict in self._said() if verdict.source != "policy"]
        return min(standing, key=lambda one: (one.source != "blocked", one.state == NEUTRAL), default=None)

    @property
    def note(self) -> str | None:
        """What people should know now, of what holds first."""
        strongest = self.strongest
        if strongest is not None:
            return strongest.note
        return next((verdict.note for verdict in self._said()), None)

    def _said(self) -> list[Verdict]:
        return [verdict for voice in self._voices if (verdict := voice.verdict) is not None]
