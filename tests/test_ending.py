"""How a process ends when a signal says so: in order, at once, and with 130 whatever stands in the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ngrt import ending
from ngrt.fakes import FakePad
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.held import HeldPad
from tests.patience import HANG, until

if os.name == "nt":
    pytest.skip("signals are sent as on POSIX", allow_module_level=True)
assert sys.platform != "win32"

HEAD = """
import ctypes, os, signal, sys, threading, time
from ngrt import ending

def say(text):
    os.write(1, (text + "\\n").encode())

def hang():  # as deep in a library as can be: no signal ends this
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)

class Thing:
    def hold(self):
        say("held")

    def go_on(self):
        say("went on")

def run(work):
    with ending.minded(), ending.still(Thing()), ending.at_once(lambda: say("figures")):
        try:
            work()
            ending.finish(0)
        except KeyboardInterrupt:
            say("in order")
            ending.finish(130)
"""


@contextmanager
def script(text: str) -> "Iterator[subprocess.Popen[str]]":
    """Run ``text`` after `HEAD` as a process; it has said "ready"."""
    command = [sys.executable, "-c", HEAD + text]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                _, errors = process.communicate(timeout=HANG)
                pytest.fail(errors)
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    """Return the exit code and what was said; nothing may be on standard error."""
    assert process.stdout is not None
    assert process.stderr is not None
    said, errors = process.stdout.read(), process.stderr.read()
    assert errors == ""
    return process.wait(timeout=HANG), said.splitlines()


@pytest.mark.parametrize("number", ending.ENDING)
def test_the_first_signal_ends_it_in_order(number: signal.Signals) -> None:
    with script("def work():\n    say('ready')\n    time.sleep(600)\nrun(work)") as process:
        process.send_signal(number)
        assert ended(process) == (130, ["in order"])


def test_a_signal_that_a_library_keeps_from_being_heard_ends_it_at_once_with_pads_neutral_first() -> None:
    with script("def work():\n    say('ready')\n    hang()\nrun(work)") as process:
        time.sleep(1.0)  # what hangs cannot say so
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (130, ["held", "figures"])


def test_a_second_signal_ends_it_at_once_with_pads_neutral_first_and_the_figures_last() -> None:
    text = """
def work():
    try:
        say("ready")
        time.sleep(600)
    finally:
        say("closing")
        time.sleep(600)
run(work)
"""
    with script(text) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        time.sleep(ending.SAME + 0.1)
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, ["held", "figures"])


def test_an_end_in_order_that_takes_too_long_becomes_one_at_once() -> None:
    text = """
ending.ORDERLY = 1.0
def work():
    try:
        say("ready")
        time.sleep(600)
    finally:
        hang()
run(work)
"""
    with script(text) as process:
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, ["held", "figures"])


@pytest.mark.parametrize(
    "swallows",
    [
        "class Gone:\n    def __del__(self):\n        signal.raise_signal(signal.SIGTERM)\nGone()",
        "import weakref\nclass Gone: pass\ngone = Gone()\n"
        "ref = weakref.ref(gone, lambda _: signal.raise_signal(signal.SIGTERM))\ndel gone",
        "try:\n    signal.raise_signal(signal.SIGTERM)\nexcept BaseException:\n    pass",
    ],
    ids=["destructor", "weak reference", "except"],
)
def test_an_interrupt_that_is_swallowed_comes_again(swallows: str) -> None:
    body = "\n".join(f"    {line}" for line in swallows.splitlines())
    with script(f"def work():\n    say('ready')\n{body}\n    threading.Event().wait(600)\nrun(work)") as process:
        assert ended(process) == (130, ["in order"])


def test_who_listens_is_told_in_place_of_the_interrupt() -> None:
    text = """
def work():
    told = threading.Event()
    ending.listen(told.set)
    say("ready")
    told.wait()
    say(f"told, {ending.came()}")
run(work)
"""
    with script(text) as process:
        process.send_signal(signal.SIGHUP)
        assert ended(process) == (0, ["told, True"])


def test_signals_that_come_while_it_ends_do_not_change_the_exit_code() -> None:
    with script("import atexit\natexit.register(time.sleep, 1)\nrun(lambda: say('ready'))") as process:
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.01)
        assert process.returncode in {0, 130}


def test_a_thread_that_is_left_in_a_library_does_not_abort_the_end() -> None:
    text = """
def work():
    threading.Thread(target=hang, daemon=True).start()
    say("ready")
run(work)
"""
    with script(text) as process:
        assert ended(process) == (0, [])


def test_ctrl_z_holds_pads_before_it_stops_and_lets_them_go_on_afterwards() -> None:
    with script("def work():\n    say('ready')\n    hang()\nrun(work)") as process:
        stat = Path(f"/proc/{process.pid}/stat")
        process.send_signal(signal.SIGTSTP)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it does not stop")
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "went on\n"


def test_to_go_on_before_it_stands_still_is_to_go_on() -> None:
    text = """
class Slow:
    def hold(self):
        say("holding")
        time.sleep(0.5)

    def go_on(self):
        say("went on")

def work():
    with ending.still(Slow()):
        say("ready")
        time.sleep(600)
run(work)
"""
    with script(text) as process:
        process.send_signal(signal.SIGTSTP)
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        process.send_signal(signal.SIGCONT)
        assert [process.stdout.readline() for _ in range(3)] == ["held\n", "went on\n", "went on\n"]
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (130, ["in order"])


def test_a_held_pad_is_neutral_whatever_is_sent_until_it_goes_on() -> None:
    inner = FakePad()
    with HeldPad(inner) as pad:
        state = PadState(frozenset({"SOUTH"}))
        pad.send(state)
        pad.hold()
        assert inner.state == NEUTRAL
        pad.send(state)
        assert inner.state == NEUTRAL
        pad.go_on()
        pad.send(state)
        assert inner.state == state


def test_signals_are_as_they_were_after_the_block() -> None:
    before = [signal.getsignal(number) for number in (*ending.ENDING, signal.SIGTSTP)]
    with ending.minded(), ending.minded():
        assert signal.getsignal(signal.SIGTERM) not in before
        assert not ending.came()
    assert [signal.getsignal(number) for number in (*ending.ENDING, signal.SIGTSTP)] == before
