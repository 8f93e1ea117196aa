"""What looks the same is the same: titles and names as people read them."""

import pytest

from ngrt.desktop.matching import choices, find, names_match, selection, title_matches
from ngrt.desktop.reading import as_read, bytes_of
from ngrt.errors import SourceError
from tests.desktop.windows import window


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("Star Quest", "Star\u00a0Quest"),
        ("Star Quest", "Star\u202f\u2009 Quest"),
        ("Moon Base", "Moon\u200b Base"),
        ("Moon Base", "\ufeffMoon Ba\u00adse\u200e"),
        ("Moon  Base", "Moon\nBase"),
        ("Pokémon", "Poke\u0301mon"),
        ("Poke\u0301mon", "POKÉMON"),
        ("Pokemon", "Pokemon\ufe0f"),
        ("strasse", "Straße 3"),
        ("Baldur's Gate", "Baldur\u2019s Gate 3"),
        ("Half-Life", "Half\u2011Life"),
        ("NieR:Automata", "\uff2e\uff49\uff45\uff32:Automata\u2122"),
        ("Grün", "GRÜN"),
        ("Gr\udcfcn", "Grün"),
        ("\u1100\u1161", "\uac00"),
        ("ガ", "カ\u3099"),
    ],
)
def test_a_title_is_found_by_what_people_read(asked: str, title: str) -> None:
    assert title_matches(asked, title)


@pytest.mark.parametrize("asked", ["\u200b", "\u00ad\u2060"])
def test_nothing_that_is_seen_matches_no_title(asked: str) -> None:
    assert not title_matches(asked, "Game")


@pytest.mark.parametrize(("asked", "title"), [("Starquest", "Star\u00a0Quest"), ("Quest Star", "Star Quest")])
def test_another_title_is_not_meant(asked: str, title: str) -> None:
    assert not title_matches(asked, title)


def test_the_title_that_reads_exactly_so_is_taken_of_several() -> None:
    other, exact = window(1, title="Star Quest Launcher", width=900), window(2, title="Star\u00a0Quest")
    assert choices([other, exact], "game", "star quest") == [exact, other]


@pytest.mark.parametrize(
    ("asked", "process"),
    [
        ("Jürgen", "Ju\u0308rgen"),
        ("J\udcfcrgen", "J\udcfcrgen"),
        ("Jürgen", "J\udcfcrgen.exe"),
        ("JÜRGEN", "J\udcfcrgen"),
        ("half\ud83d", "HALF\ud83d"),
        ("a-name-with-übercut", "a-name-with-\u00fcb"),
        ("abcdefghijklmnü", "abcdefghijklmn\udcc3"),
        ("abcdefghijklmnüpq", "abcdefghijklmn\udcc3"),
    ],
)
def test_a_program_is_found_whatever_the_bytes_of_its_name(asked: str, process: str) -> None:
    assert names_match(asked, process)
    assert names_match(process, asked)


def test_names_that_are_no_utf_8_are_compared_with_any_other() -> None:
    names = ["J\udcfcrgen", "\udcff" * 15, "\ud800" * 5, "game", "x" * 15, ""]
    for asked in names:
        for process in names:
            names_match(asked, process)
        with pytest.raises(SourceError) as caught:
            find([window(process="\udce9\udce8")], asked or "none", running={1: "\udcff" * 15, 2: "\ud800"})
        str(caught.value).encode()  # it can be printed


def test_a_file_has_the_bytes_that_the_system_has() -> None:
    assert bytes_of("J\udcfcrgen") == b"J\xfcrgen"
    assert bytes_of("ü") == b"\xc3\xbc"
    assert len(bytes_of("\ud83d")) == 3
    assert as_read("\ud83d") == ""


def test_a_program_is_found_by_what_else_it_goes_by() -> None:
    game = window(process="StarQuest", also=("GameThread", "game.py"))
    for asked in ("starquest", "GameThread", "/opt/game.py"):
        assert find([game], asked) == game
    with pytest.raises(SourceError):
        find([game], "game2.py")


def test_a_window_is_chosen_by_what_can_be_typed() -> None:
    odd, other = window(1, process="J\udcfcrgen", title="a\nb", pid=5), window(2, process="other", pid=6)
    assert selection([odd, other], odd) == ("5", None)
