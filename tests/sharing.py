"""What many tests need is made once; where that fails, it fails once, and the tests after are told so in a line."""

from collections.abc import Callable, Generator
from typing import TypeVar

import pytest

Key = TypeVar("Key")
Made = TypeVar("Made")


def once(make: Callable[[Key], Made]) -> Callable[[Key], Made]:
    """Return ``make``, called once a key: what it returned is returned again, what it raised is raised again."""
    made: dict[Key, Made] = {}
    failed: dict[Key, BaseException] = {}

    def get(key: Key) -> Made:
        if key in failed:
            raise failed[key]
        if key not in made:
            try:
                made[key] = make(key)
            except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
                failed[key] = error
                raise
        return made[key]

    return get


class SharedFailures:
    """A plugin: a failure that several tests share, such as a fixture's, is told whole once and then in a line."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[BaseException, str]] = {}  # the error is kept so that its id stays its own

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Shorten the report of a failure that was reported before."""
        report = yield
        if report.failed and call.excinfo is not None:
            error = call.excinfo.value
            _, first = self._first.setdefault(id(error), (error, item.nodeid))
            if first != item.nodeid:
                report.longrepr = f"what it needs failed already, for {first}: {call.excinfo.exconly(tryshort=True)}"
        return report
