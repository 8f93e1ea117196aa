"""Errors: one line made of fields."""

import pytest

from ngrt.errors import MissingExtraError, NgrtError, SettingsError


def test_an_error_is_one_line_made_of_its_fields() -> None:
    error = SettingsError("steps is 0", value=0, limit="it must be from 1 to 1000", remedy="leave --steps out")
    assert str(error) == "steps is 0; it must be from 1 to 1000; leave --steps out"
    assert (error.problem, error.value, error.limit, error.remedy) == (
        "steps is 0",
        0,
        "it must be from 1 to 1000",
        "leave --steps out",
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NgrtError("it broke"), "it broke"),
        (NgrtError("it broke", remedy="mend it"), "it broke; mend it"),
        (NgrtError("it has 3", limit="the limit is 2"), "it has 3; the limit is 2"),
    ],
)
def test_what_is_not_known_is_left_out(error: NgrtError, line: str) -> None:
    assert str(error) == line


def test_a_missing_extra_says_what_installs_it() -> None:
    assert MissingExtraError("openvino", "openvino").remedy == "install it with: pip install 'ngrt[openvino]'"
