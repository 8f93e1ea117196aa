"""Displays that cannot be watched; those that can are in tests/real."""

import pytest

from ngrt.backends.capture_x11 import X11Source
from ngrt.errors import SourceError


@pytest.mark.parametrize("display", [":4711", "nonsense", "nowhere.invalid:0"])
def test_a_display_that_cannot_be_reached_is_refused_by_name(display: str) -> None:
    with pytest.raises(SourceError, match=f"display {display} cannot be watched .*; check DISPLAY .* Xvfb") as caught:
        X11Source(display)
    assert "\n" not in str(caught.value)


def test_no_display_at_all_is_refused_with_the_option_that_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match="DISPLAY is not set; give one, such as --display :0"):
        X11Source()


def test_the_environment_names_the_display_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4712")
    with pytest.raises(SourceError, match="display :4712 cannot be watched"):
        X11Source()
