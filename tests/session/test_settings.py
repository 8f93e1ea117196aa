"""What a person can choose."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ngrt.errors import SettingsError
from ngrt.session.settings import ARCADE_SECONDS, PlaySettings

ENGINE = Path("engine")


def test_with_nothing_chosen_the_arcade_is_played_for_a_bounded_time() -> None:
    settings = PlaySettings()
    assert settings.source(None) == "arcade"
    assert settings.seconds("arcade") == ARCADE_SECONDS


def test_another_game_is_played_without_end_unless_told_otherwise() -> None:
    settings = PlaySettings(display=":0")
    assert settings.source(ENGINE) == "display"
    assert settings.seconds("display") is None
    assert PlaySettings(display=":0", duration=5).seconds("display") == 5


def test_an_engine_of_ones_own_may_play_the_arcade() -> None:
    assert PlaySettings(arcade=True).source(ENGINE) == "arcade"


def test_two_games_are_one_too_many() -> None:
    with pytest.raises(SettingsError, match="2 games given"):
        PlaySettings(arcade=True, display=":0").source(ENGINE)


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
