"""Which verdict holds: each guard that may take the pad from the policy has a veto, and the strongest one counts."""

import math

from ngrt.messages import NEUTRAL, Verdict


class Veto:
    """What one guard says now: ``verdict``, None where the policy may play. Written in one thread at a time."""

    __slots__ = ("verdict",)

    def __init__(self) -> None:
        self.verdict: Verdict | None = None


class Vetoes:
    """All vetoes of a session. Each guard writes only its own, so that no thread overwrites another's verdict.

    The tick's thread reads them without waiting: there are few, and none is ever removed.
    """

    def __init__(self) -> None:
        self._vetoes: tuple[Veto, ...] = ()
        self.valid_from = -math.inf
        """Frames captured before this time must not move the pad: a verdict held then. Written by the tick alone."""

    def new_veto(self, *, first: bool = False) -> Veto:
        """Return a new veto; of several that block the ``first`` one's note is shown. For the event loop's thread."""
        veto = Veto()
        self._vetoes = (veto, *self._vetoes) if first else (*self._vetoes, veto)
        return veto

    @property
    def strongest(self) -> Verdict | None:
        """The verdict that holds now: one that blocks before one that lets a person play; None: the policy plays.

        Of two that let a person play, one that presses something comes first: a key that is held while a real pad is
        used must not keep the pad still.
        """
        holding = [verdict for verdict in self._verdicts() if verdict.source != "policy"]
        return min(holding, key=lambda one: (one.source != "blocked", one.state == NEUTRAL), default=None)

    @property
    def note(self) -> str | None:
        """What to tell people now: the strongest verdict's note, else the first other one."""
        strongest = self.strongest
        if strongest is not None:
            return strongest.note
        return next((verdict.note for verdict in self._verdicts()), None)

    def _verdicts(self) -> list[Verdict]:
        return [verdict for veto in self._vetoes if (verdict := veto.verdict) is not None]
