"""A policy that is no folder: it thinks in another place, behind a socket, and is played like any other."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import pytest

import ngrt
from ngrt.errors import EngineError
from ngrt.fakes import FakePad, FakePolicy, FakeSource
from ngrt.interfaces import Note, Policy
from ngrt.messages import Array, Chunk, Guide, Image
from ngrt.policy.actions import decode
from ngrt.policy.spec import PolicySpec
from ngrt.session import play as sessions
from ngrt.session.settings import PlaySettings
from ngrt.session.snapshot import Snapshot
from tests.patience import HANG

SPEC = PolicySpec(action_dim=25, action_horizon=18)
PICTURE = (256, 256, 3)


class RemotePolicy:
    """Sends the newest frame over a socket and gets a chunk's actions back. Takes no guide and no noise."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.name, self.spec = f"policy at {address[0]}", SPEC
        self.takes_guide, self.gate_failure = False, ""
        self._socket = socket.create_connection(address, HANG)

    def predict(
        self,
        frames: Sequence[Image],
        noise: Array | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        game: str | None = None,
        guide: Guide | None = None,
    ) -> Chunk:
        try:
            self._socket.sendall(frames[-1].tobytes())
            raw = _received(self._socket, SPEC.action_horizon * SPEC.action_dim * 4)
        except OSError as error:
            raise EngineError(f"{self.name} is gone ({error})", remedy="start it again") from error
        return decode(np.frombuffer(raw, np.float32).reshape(18, 25), old_layout=False)

    def draw_noise(self) -> Array:
        return np.zeros((18, 25), np.float32)

    def close(self) -> None:
        self._socket.close()


def _received(link: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = link.recv(count - len(parts))
        if not part:
            raise ConnectionResetError("closed by the other side")
        parts += part
    return parts


@contextmanager
def served(policy: Policy, answers: int = 10**9) -> Iterator[tuple[str, int]]:
    """Serve ``policy`` to one client, for so many answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(HANG)

        def serve() -> None:
            with suppress(OSError), server.accept()[0] as link:
                link.settimeout(HANG)
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                for _ in range(answers):
                    raw = _received(link, int(np.prod(PICTURE)))
                    frame = np.frombuffer(raw, np.uint8).reshape(PICTURE)
                    link.sendall(policy.predict([frame]).actions.astype(np.float32).tobytes())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()
    thread.join(HANG)


class Quiet:
    """Shows nothing, keeps what is said."""

    interval = 0.05

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.note: Callable[[str], None] = self.notes.append

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def remote(address: tuple[str, int]) -> Callable[[Note], Policy]:
    def opened(note: Note) -> Policy:
        note(f"connecting to {address[0]}")
        return RemotePolicy(address)

    return opened


def test_a_policy_behind_a_socket_plays_a_session_of_the_command_line() -> None:
    view = Quiet()
    with served(FakePolicy()) as address:
        settings = PlaySettings(arcade=True, duration=1.5)
        outcome = sessions.play(remote(address), "arcade", settings, view)
    assert outcome.failure is None
    assert outcome.snapshot.chunks > 0
    assert outcome.snapshot.policy == "policy at 127.0.0.1, 16 steps, replace, steady noise"
    assert "connecting to 127.0.0.1" in view.notes


def test_one_that_goes_away_ends_the_session_with_its_figures_and_its_name() -> None:
    with served(FakePolicy(), answers=30) as address:
        outcome = sessions.play(remote(address), "arcade", PlaySettings(arcade=True, duration=60), Quiet())
    assert isinstance(outcome.failure, EngineError)
    assert "policy at 127.0.0.1 is gone" in str(outcome.failure)
    assert outcome.snapshot.chunks > 0


def test_it_is_played_from_python_too() -> None:
    pad = FakePad()
    with served(FakePolicy()) as address:
        policy = RemotePolicy(address)
        figures = ngrt.play(policy, FakeSource(60), pad, duration=1)
        policy.close()
    assert figures.chunks > 0


@pytest.mark.parametrize("failure", ["", "sticks off by 0.3 in observe"])
def test_what_a_policy_says_of_its_gate_is_told(failure: str) -> None:
    class Gated(FakePolicy):
        def __init__(self) -> None:
            super().__init__()
            self.gate_failure = failure

    view = Quiet()
    sessions.play(lambda note: Gated(), "arcade", PlaySettings(arcade=True, duration=0.2), view)
    assert any("failed its gate" in note for note in view.notes) == bool(failure)
