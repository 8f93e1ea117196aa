"""The progress of an engine's build in TensorRT, and how to stop it."""

import threading
from typing import Any


class BuildProgress:
    """How much of a build is done. Written by the building thread, read and stopped by another."""

    def __init__(self) -> None:
        self._phases: dict[str, tuple[int, int]] = {}  # steps and how many are done; the innermost phase is the last
        self._lock = threading.Lock()
        self.stopped = False
        self._furthest = 0.0

    @property
    def share(self) -> float:
        """How much is done, 0 to 1, never falling. A phase inside another counts as one step of that one."""
        with self._lock:
            inner = 0.0
            for steps, done in reversed(self._phases.values()):
                inner = min(1.0, (done + inner) / steps)
            self._furthest = max(self._furthest, inner)
            return self._furthest

    def stop(self) -> None:
        """Have the build end at its next step."""
        self.stopped = True

    def started(self, phase: str, steps: int) -> None:
        """Note that a phase of so many steps began."""
        with self._lock:
            self._phases[phase] = max(1, steps), 0

    def stepped(self, phase: str, step: int) -> bool:
        """Note that a step of a phase is done; return whether to go on."""
        with self._lock:
            if phase in self._phases:
                self._phases[phase] = self._phases[phase][0], step + 1
        return not self.stopped

    def finished(self, phase: str) -> None:
        """Note that a phase ended."""
        with self._lock:
            self._phases.pop(phase, None)


def monitor_of(trt: Any, progress: BuildProgress) -> Any:
    """Return a progress monitor of the module ``trt`` that reports to ``progress``."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            progress.started(phase, steps)

        def phase_finish(self, phase: str) -> None:
            progress.finished(phase)

        def step_complete(self, phase: str, step: int) -> bool:
            return progress.stepped(phase, step)

    return Monitor()
