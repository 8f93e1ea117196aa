"""Every suite, in the order in which they run. A new one is a file beside this with ``prepare``, and a row here.

They are imported when they are to run: some need torch, onnx or X11, and the others must run without.
"""

from bench.suites.suite import Suite

SUITES = {
    suite.name: suite
    for suite in (
        Suite("overhead", "what is not the model, between frame and pad"),
        Suite("shrink", "a frame to 256 x 256, ngrt and OpenCV alternating"),
        Suite("chunk", "one chunk, engines and reference alternating", measures_engines=True),
        Suite("stages", "where the time of a chunk goes", measures_engines=True),
        Suite("sweep", "time and accuracy by denoise steps", measures_engines=True),
        Suite("startup", "from a fresh process to the first action", measures_engines=True),
        Suite("memory", "memory of a fresh process", measures_engines=True),
        Suite("scale", "how a chunk's time grows", measures_engines=True),
        Suite(
            "control",
            "how late ticks are, beside a naive loop's",
            long="takes four minutes; ask for it by name",
            measures_engines=True,
        ),
        Suite(
            "photon",
            "from a picture on the screen to a key in the game, without the model",
            long="takes three minutes; ask for it by name",
            module="photon.measure",
        ),
        Suite(
            "loop",
            "the arcade's score by delay and way of merging",
            long="takes most of an hour; ask for it by name",
        ),
    )
}
"""Suites by name."""

LONG = {name: suite.long for name, suite in SUITES.items() if suite.long}
"""Suites that run only when they are named, and why."""

BY_DEFAULT = tuple(name for name in SUITES if name not in LONG)
"""Suites that run where none is named."""


def suite_title(name: str) -> str:
    """Return a suite's title for people; its name if it is none of ours."""
    return SUITES[name].title if name in SUITES else name
