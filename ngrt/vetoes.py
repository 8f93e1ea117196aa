"""Who may take the pad from the policy, and what it does then: the strongest of several verdicts."""

from dataclasses import dataclass
from typing import Literal

from ngrt.messages import NEUTRAL, PadState


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pad does instead of what the policy says, and why.

    ``source`` is "blocked" (neutral) or "person" (``state`` is what a person's own pad does); ``note`` says why.
    """

    source: Literal["blocked", "person"]
    note: str
    state: PadState = NEUTRAL


class Vetoes:
    """Verdicts by who gave them; given in any thread, read in the tick's without waiting."""

    def __init__(self) -> None:
        self._given: dict[str, Verdict] = {}
        self._strongest: Verdict | None = None

    @property
    def strongest(self) -> Verdict | None:
        """What holds now: one that blocks before one that lets a person play; None where the policy plays."""
        return self._strongest

    def give(self, who: str, verdict: Verdict | None) -> None:
        """Let ``verdict`` be ``who``'s from now on; None takes it back."""
        given = {name: other for name, other in self._given.items() if name != who}
        if verdict is not None:
            given[who] = verdict
        self._given = given
        self._strongest = min(given.values(), key=lambda one: one.source != "blocked", default=None)
