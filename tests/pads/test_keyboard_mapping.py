"""Which keys a pad's state presses, and files that say so."""

import re
from pathlib import Path

import pytest

from ngrt.errors import SettingsError
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.keyboard_mapping import BUTTONS, DEFAULT, MOST_BYTES, STICKS, KeyMapping, load_mapping

MAPPING = KeyMapping({"SOUTH": ("space",), "EAST": ("w", "x")}, {"left_up": ("w",), "right_right": ("d",)}, 0.4)


def written(folder: Path, text: str) -> Path:
    path = folder / "keys.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (NEUTRAL, set()),
        (PadState(frozenset({"SOUTH"})), {"space"}),
        (PadState(frozenset({"EAST"})), {"w", "x"}),
        (PadState(frozenset({"NORTH", "GUIDE"})), set()),
        (PadState(left=(0.0, -0.4)), {"w"}),
        (PadState(left=(0.0, -0.39)), set()),
        (PadState(left=(0.0, 1.0)), set()),
        (PadState(right=(0.0, -1.0)), set()),
        (PadState(right=(1.0, -1.0)), {"d"}),
        (PadState(frozenset({"SOUTH", "EAST"}), (1.0, -1.0), (0.5, 0.0)), {"space", "w", "x", "d"}),
    ],
)
def test_a_key_is_down_while_anything_presses_it(state: PadState, keys: set[str]) -> None:
    assert MAPPING.pressed(state) == keys


def test_two_buttons_on_one_key_hold_it_until_both_are_let_go() -> None:
    mapping = KeyMapping({"SOUTH": ("space",), "EAST": ("space",)}, {})
    states = [{"SOUTH"}, {"SOUTH", "EAST"}, {"EAST"}, set()]
    assert [bool(mapping.pressed(PadState(frozenset(state)))) for state in states] == [True, True, True, False]


def test_the_shipped_mapping_covers_all_of_a_pad_but_the_guide() -> None:
    mapping = load_mapping()
    for button in BUTTONS:
        assert bool(mapping.pressed(PadState(frozenset({button})))) == (button != "GUIDE"), button
    directions = [(0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0)]
    assert [mapping.pressed(PadState(left=way)) for way in directions] == [{"w"}, {"s"}, {"a"}, {"d"}]
    assert [mapping.pressed(PadState(right=way)) for way in directions] == [{"Up"}, {"Down"}, {"Left"}, {"Right"}]


def test_the_shipped_file_shows_every_entry_that_there_is() -> None:
    text = DEFAULT.read_text("utf-8")
    assert all(f"\n{name} = " in text for name in (*BUTTONS, *STICKS, "threshold") if name != "GUIDE")


def test_the_page_on_games_shows_the_shipped_file_and_its_other_example_is_a_mapping(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "games.md"
    section = page.read_text("utf-8").partition("## Keyboard-only games")[2].partition("\n## ")[0]
    shown, arrows = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert shown == DEFAULT.read_text("utf-8")
    assert load_mapping(written(tmp_path, arrows)).names == {"space", "Left", "Right"}


def test_a_file_says_keys_alone_or_in_lists_and_the_threshold(tmp_path: Path) -> None:
    text = '[buttons]\nSOUTH = "Return"\nEAST = ["a", "F1"]\n[sticks]\nthreshold = 1\nleft_left = ["Left", "a"]\n'
    mapping = load_mapping(written(tmp_path, text))
    assert mapping.names == {"Return", "a", "F1", "Left"}
    assert mapping.pressed(PadState(frozenset({"EAST"}), (-0.99, 0.0))) == {"a", "F1"}
    assert mapping.pressed(PadState(left=(-1.0, 0.0))) == {"a", "Left"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[buttons]\nSOUTH = "spce"', "[buttons] SOUTH = 'spce': no key is called 'spce' here; the nearest: space"),
        ('[buttons]\nSOTH = "a"', "[buttons] SOTH: no button is called 'SOTH'; the nearest: SOUTH"),
        ('[buttons]\nRIGHT_UP = "a"', "[buttons] RIGHT_UP: no button is called 'RIGHT_UP'"),
        ('[buttons]\nSOUTH = "Caps_Lock"', "Caps_Lock can be watched but not pressed; choose another key"),
        ("[buttons]\nSOUTH = 3", "[buttons] SOUTH = '3': "),
        ('[buttons]\nSOUTH = ["a", "b", "c", "d", "e"]', "at most 4"),
        ('[sticks]\nleft_upp = "w"', "[sticks] left_upp is no entry; the nearest: left_up"),
        ('[sticks]\nleft_up = ["w", "spac"]', "[sticks] left_up = 'spac': no key is called 'spac' here"),
        ("[sticks]\nthreshold = 0", "[sticks] threshold = '0': Input should be greater than 0"),
        ("[sticks]\nthreshold = 1.1", "[sticks] threshold = '1.1': Input should be less than or equal to 1"),
        ("[sticks]\nthreshold = nan", "[sticks] threshold = 'nan': "),
        ('[stick]\nleft_up = "w"', "[stick] is no entry; the nearest: sticks"),
        ("buttons = 3", "[buttons] = '3': "),
        ('[buttons]\nSOUTH = "a"\nSOUTH = "b"', "is not TOML"),
        ("south: space", "is not TOML"),
        ("", "maps no key; start from a copy of"),
        ("a = " + "[" * 30_000, "is not TOML"),
        ("#" * (MOST_BYTES + 1), f"has {MOST_BYTES + 1} bytes; the limit is {MOST_BYTES}"),
    ],
)
def test_an_entry_that_means_nothing_is_refused_by_name_with_the_remedy(text: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(f"keys file {path}")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ('[buttons]\nSOUTH = "spce"', "[buttons] SOUTH = 'spce': no key is called 'spce' here", "the nearest: space"),
        ('[buttons]\nSOTH = "a"', "[buttons] SOTH: no button is called 'SOTH'", "the nearest: SOUTH"),
        (
            '[buttons]\nSOUTH = "Caps_Lock"',
            "[buttons] SOUTH = 'Caps_Lock': Caps_Lock can be watched but not pressed",
            "choose another key",
        ),
        ('[sticks]\nleft_upp = "w"', "[sticks] left_upp is no entry", "the nearest: left_up"),
        ("[sticks]\nthreshold = 0", "[sticks] threshold = '0': Input should be greater than 0", ""),
    ],
)
def test_what_is_wrong_with_an_entry_and_what_would_be_right_are_told_apart(
    text: str, problem: str, remedy: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_mapping(path)
    assert caught.value.problem == f"keys file {path}: {problem}"
    assert caught.value.remedy.startswith(remedy)


def test_a_file_that_is_not_there_is_refused_with_one_to_copy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"does not exist; start from a copy of .*default_keys\.toml, or leave out"):
        load_mapping(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_mapping(path)
