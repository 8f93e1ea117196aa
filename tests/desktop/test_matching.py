"""Which window is the game's."""

from collections.abc import Callable
from itertools import count, pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ngrt.desktop.matching import (
    SUFFIXES,
    choices,
    file_name,
    find,
    names_match,
    process_matches,
    selection,
    title_matches,
)
from ngrt.errors import SourceError
from ngrt.interfaces import SMALLEST, Window
from tests.desktop.windows import window

Result = TypeVar("Result")

letters = st.characters(max_codepoint=382, exclude_categories=["C", "Z"], exclude_characters="/\\\"'")
names = st.text(letters, min_size=1, max_size=24)
few_names = st.sampled_from(["", "game.exe", "GAME", "other", "game launcher.exe", "1942", "steam_app_7"])
titles = st.sampled_from(["", "Game", "game", "Game settings", "Other", "a\nb"])


@st.composite
def desktops(draw: st.DrawFn) -> list[Window]:
    """Return windows of a few processes, in front first."""
    number = count(1)
    return draw(
        st.lists(
            st.builds(
                Window,
                number=st.builds(lambda: next(number)),
                title=titles,
                pid=st.none() | st.integers(1, 6) | st.just(1942),
                process=few_names,
                left=st.integers(-100, 100),
                top=st.just(0),
                width=st.sampled_from([1, 64, 640, 1920]),
                height=st.sampled_from([0, 63, 480, 1080]),
                shown=st.booleans(),
                helper=st.booleans(),
            ),
            max_size=8,
        )
    )


def complaint(*arguments: Any) -> str:
    with pytest.raises(SourceError) as caught:
        find(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def outcome(function: Callable[..., Result], *arguments: Any) -> Result | str:
    """Return what ``function`` finds, or its complaint in one line."""
    try:
        return function(*arguments)
    except SourceError as error:
        told = str(error)
    assert "\n" not in told
    return told


@given(name=names, folder=st.sampled_from(["", "C:\\Games\\", "Z:\\home\\me\\", "z:/games/", "/opt/game/", '"D:\\']))
def test_a_program_is_found_whatever_the_case_the_folder_and_the_ending(name: str, folder: str) -> None:
    assume(name.casefold() == name.upper().casefold() == name.lower().casefold())
    assume(not name.casefold().endswith(SUFFIXES))
    for process in (name, f"{name}.exe", f"{name.upper()}.EXE"):
        for asked in (name, name.upper(), f"{name.lower()}.exe"):
            assert names_match(folder + asked, process)
            assert names_match(asked, folder + process)


@given(one=names, other=names)
@example("game", "game2")
@example("game.exe", "game.ex")
@example("exe", "game.exe")
@example(".exe", "game.exe")
def test_other_programs_are_not_meant(one: str, other: str) -> None:
    assume(one.casefold().removesuffix(".exe") != other.casefold().removesuffix(".exe"))
    assume(len(one.encode()) != 15 != len(other.encode()))
    assume(not one.casefold().endswith(SUFFIXES[1:]) and not other.casefold().endswith(SUFFIXES[1:]))
    assert not names_match(one, other)


@pytest.mark.parametrize("whole", ["a-really-long-name", "TheFinalGame.exe", "TheFinal-Game.exe", "0123456789abcdef"])
@pytest.mark.parametrize("typed", [str, str.upper, lambda name: name.removesuffix(".exe")])
def test_a_name_that_linux_cut_off_is_recognised_from_either_side(whole: str, typed: Callable[[str], str]) -> None:
    assert names_match(typed(whole), whole[:15])
    assert names_match(whole[:15].lower(), whole)
    assert not names_match(typed(whole), "x" + whole[:14])
    assert not names_match(typed(whole), whole[:14]), "only what is exactly as long was cut off"


def test_an_unknown_name_is_nobodys() -> None:
    assert not names_match("", "")
    assert not names_match("", "game.exe")
    assert not names_match("C:\\Games\\", "game.exe")
    assert not process_matches("game", window(process=""))


def test_digits_are_a_process_id_or_a_name() -> None:
    assert process_matches("7", window(title="", process=""))
    assert process_matches("1942", window(process="1942.exe"))
    assert not process_matches("8", window())
    assert not process_matches("²", window(pid=2))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("C:\\Games\\a b.exe", "a b.exe"),
        ("Z:/x/y.exe", "y.exe"),
        ("/usr/games/x", "x"),
        ("x", "x"),
        ('"C:\\x.exe"', "x.exe"),
    ],
)
def test_the_file_name_is_the_last_part_of_a_path_of_any_system(path: str, name: str) -> None:
    assert file_name(path) == name


@given(before=st.text(max_size=5), part=names, after=st.text(max_size=5))
def test_a_title_is_known_by_any_part_of_it(before: str, part: str, after: str) -> None:
    assert title_matches(part, before + part + after)
    assert title_matches(part.casefold(), part)


def test_a_fullscreen_game_without_a_title_is_found_by_name_and_by_id() -> None:
    game = window(title="", width=1920, height=1080)
    desktop = [window(2, process="editor", pid=3, title="game.exe - Editor"), game]
    assert find(desktop, "GAME") == game
    assert find(desktop, "7") == game


def test_of_several_windows_the_shown_then_the_largest_then_the_one_in_front_is_taken() -> None:
    hidden = window(1, width=1920, height=1080, shown=False)
    large, large_behind = window(2, width=800), window(3, width=800)
    small, overlay = window(4), window(5, width=1920, height=1080, helper=True)
    assert choices([hidden, small, overlay, large, large_behind], "game") == [large, large_behind, small, hidden]


def test_a_title_chooses_among_the_windows_of_a_process() -> None:
    main, settings, overlay = window(1), window(2, title="Settings"), window(3, title="Overlay", helper=True)
    desktop = [main, settings, overlay, window(4, title="Settings", process="other", pid=9, width=1920)]
    assert find(desktop, "game", "settings") == settings
    assert find(desktop, "game", "overlay") == overlay, "what is named is meant, even a helper"


def test_exactly_the_title_goes_before_part_of_it() -> None:
    browser = window(1, title="Game guide - Browser", process="browser", pid=3, width=1920)
    assert find([browser, window(2)], None, "GAME") == window(2)


def test_a_title_that_several_processes_have_is_refused_with_the_option_that_tells_them_apart() -> None:
    desktop = [window(1, title="Game 1"), window(2, title="Game 2", process="b c.exe", pid=8)]
    assert complaint(desktop, None, "game") == (
        "2 processes have a window titled 'game': 'Game 1' of game.exe (7), 'Game 2' of 'b c.exe' (8); "
        "say which with --process NAME or its id"
    )
    assert find(desktop, "8", "game").number == 2


def test_a_title_that_one_shown_window_has_is_clear_though_hidden_ones_have_it_too() -> None:
    assert find([window(1, shown=False, pid=8), window(2)], None, "game").number == 2


def test_no_such_process_is_told_with_the_names_closest_to_it() -> None:
    desktop = [window(1, process="Hades2.exe", pid=1), window(2, process="firefox", pid=2), window(3, helper=True)]
    assert complaint(desktop, "hades.exe") == (
        "no process hades.exe runs here; is it Hades2.exe? `ngrt windows` lists what does; "
        "start the game, or wait for it: --wait 60"
    )
    assert "windows are open of Hades2.exe, firefox; `ngrt windows` lists them" in complaint(desktop, "quake")
    assert "no window is open that could be a game's" in complaint([window(helper=True)], "quake")


def test_a_process_without_a_window_is_told_with_its_ids() -> None:
    running = {4: "game.exe", 5: "Game.exe", 6: "other"}
    for asked, ids in (("game", "4, 5"), ("6", "6")):
        assert complaint([window(process="x")], asked, None, running) == (
            f"process {asked} ({ids}) runs but has no window to play; wait for one with --wait 60, or see what it has: "
            "ngrt windows --all"
        )


def test_a_process_without_that_title_is_told_with_the_titles_it_has() -> None:
    told = complaint([window(1), window(2, title="Menu"), window(3, title="x", process="x")], "game", "Options")
    assert told == (
        "process game has no window titled 'Options'; there are 'Game', 'Menu'; leave --window out, or name one"
    )


def test_no_such_title_is_told_with_those_there_are() -> None:
    desktop = [window(number, title=f"Game {number}") for number in range(5)]
    told = complaint(desktop, None, "Quake")
    assert "no window has 'Quake' in its title; there are 'Game 0', 'Game 1', 'Game 2' and 2 more; start the" in told
    assert "none has a title" in complaint([], None, "Quake")


@pytest.mark.parametrize(
    ("process", "title", "problem", "limit", "remedy"),
    [
        (None, "Doom", "no window has 'Doom' in its title", "there is 'Game'", "start the game"),
        ("game", "Doom", "process game has no window titled 'Doom'", "there is 'Game'", "leave --window out"),
        ("doom", None, "no process doom runs here", "windows are open of game.exe", "start the game"),
        ("shell", None, "process shell (5) runs but has no window to play", "", "wait for one with --wait 60"),
    ],
)
def test_what_is_missing_what_there_is_and_what_to_do_are_told_apart(
    process: str | None, title: str | None, problem: str, limit: str, remedy: str
) -> None:
    with pytest.raises(SourceError) as caught:
        find([window()], process, title, {5: "shell"})
    assert caught.value.problem == problem
    assert caught.value.limit.startswith(limit)
    assert caught.value.remedy.startswith(remedy)


@given(desktop=desktops(), process=st.none() | few_names, title=st.none() | titles)
def test_whatever_is_chosen_was_meant_and_nothing_better_comes_after_it(
    desktop: list[Window], process: str | None, title: str | None
) -> None:
    found = outcome(choices, desktop, process, title)
    if isinstance(found, str):
        assert process is None
        return
    assert len(set(found)) == len(found)
    for one in found:
        assert process is None or process_matches(process, one)
        assert title is None or title_matches(title, one.title)
        assert one.playable or title is not None
        assert one.playable == found[0].playable
    for better, worse in pairwise(found):
        exact = [title is not None and one.title.casefold() == title.casefold() for one in (better, worse)]
        ranks = [(same, one.shown, one.area) for same, one in zip(exact, (better, worse), strict=True)]
        assert ranks[0] >= ranks[1]
        if ranks[0] == ranks[1]:
            assert desktop.index(better) < desktop.index(worse)


@given(desktop=desktops(), process=st.none() | names | few_names, title=st.none() | names | titles)
def test_a_window_or_an_error_in_one_line_is_all_that_comes_of_it(
    desktop: list[Window], process: str | None, title: str | None
) -> None:
    assume(process is not None or title is not None)
    found = outcome(find, desktop, process, title, {3: "game.exe"})
    assert len(found) < 400 if isinstance(found, str) else found in desktop


@given(desktop=desktops())
def test_the_selection_that_is_given_for_a_window_finds_it(desktop: list[Window]) -> None:
    for one in desktop:
        asked = selection(desktop, one)
        if asked is not None:
            assert find(desktop, *asked) == one
    if (best := choices(desktop)[:1]) and best[0].pid == 1942 and best[0].process != "1942":
        assert selection(desktop, best[0]) is not None


@pytest.mark.parametrize(
    ("width", "helper", "playable"), [(SMALLEST, False, True), (63, False, False), (640, True, False)]
)
def test_tiny_windows_and_helpers_are_not_playable(width: int, helper: bool, playable: bool) -> None:
    assert window(width=width, helper=helper).playable is playable
