"""What a person can choose."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ngrt.errors import SettingsError
from ngrt.session.choices import seconds, source_kind
from ngrt.session.settings import ARCADE_SECONDS, PlaySettings

ENGINE = Path("engine")


def test_with_nothing_chosen_the_arcade_is_played_for_a_bounded_time() -> None:
    settings = PlaySettings()
    assert source_kind(settings, None) == "arcade"
    assert seconds(settings, "arcade") == ARCADE_SECONDS


def test_another_game_is_played_without_end_unless_told_otherwise() -> None:
    settings = PlaySettings(display=":0")
    assert source_kind(settings, ENGINE) == "display"
    assert seconds(settings, "display") is None
    assert seconds(PlaySettings(display=":0", duration=5), "display") == 5


def test_an_engine_of_ones_own_may_play_the_arcade() -> None:
    assert source_kind(PlaySettings(arcade=True), ENGINE) == "arcade"


def test_two_games_are_one_too_many() -> None:
    with pytest.raises(SettingsError, match="2 games given"):
        source_kind(PlaySettings(arcade=True, display=":0"), ENGINE)


@pytest.mark.parametrize(
    "values",
    [{"rate": 0}, {"rate": 1e9}, {"steps": 0}, {"duration": -1}, {"hold": -1}, {"threads": 0}, {"ratte": 60}],
)
def test_a_value_out_of_range_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PlaySettings.model_validate(values)


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PlaySettings().rate = 30


def test_names_of_programs_need_not_be_utf_8_but_must_be_names() -> None:
    settings = PlaySettings(process="J\udcfcrgen", window="Gr\udcfcn")
    assert (settings.process, settings.window) == ("J\udcfcrgen", "Gr\udcfcn")
    for wrong in ("", 5):
        with pytest.raises(ValidationError, match="string"):
            PlaySettings.model_validate({"process": wrong})
