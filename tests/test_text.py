"""Text from outside, made harmless, in bounded time and length."""

import time

import pytest

from ngrt.errors import SettingsError
from ngrt.text import DEEPEST, MOST_OF_A_VALUE, MOST_SAID, cut, lines, one_line, plain, printable, short

HARM = {
    "C0": "\x1b]0;title\x07",
    "C1": "\x9b31m",
    "DEL": "\x7f",
    "right to left": "\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "mark": "\u200f",
    "zero width": "a\u200bb\u200d\ufeff",
    "line separator": "\u2028",
    "not UTF-8": "J\udcfcrgen",
    "soft hyphen": "a\xadb",
    "tag": "\U000e0041",
}


@pytest.mark.parametrize("text", HARM.values(), ids=HARM.keys())
def test_what_controls_a_terminal_or_is_not_seen_is_replaced(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(f"a{text}b\n").startswith("a")
    assert lines(f"one\n{text}\ntwo").split("\n")[::2] == ["one", "two"]
    assert str(SettingsError(text, limit=text, remedy=text)).isprintable()
    assert one_line(RuntimeError(text)).isprintable()
    assert plain({text: [text, {"a": (text, 1, None, 0.5)}]}) == {
        printable(text): [printable(text), {"a": [printable(text), 1, None, 0.5]}]
    }


@pytest.mark.parametrize("text", ["Café Ätna", "ゲーム 窓", "игра", "🎮 100%", "e\u0301"])
def test_what_people_read_stays(text: str) -> None:
    assert printable(text) == text


def test_spaces_of_all_kinds_are_spaces() -> None:
    assert printable("a\xa0b\u3000c\td") == "a b c d"


def test_an_error_keeps_its_value_for_programs_and_no_part_longer_than_a_person_reads() -> None:
    error = SettingsError("x" * 10**6, value="\x1b", remedy="y" * 10**6)
    assert error.value == "\x1b"
    assert len(str(error)) <= 2 * MOST_SAID + 2
    assert cut("abc", 3) == "abc"
    assert cut("abcdefghijklmnopqrstuvwxyz", 9) == "abc...xyz"


def laughs() -> object:
    value: object = ["lol" * 5] * 10
    for _ in range(40):
        value = [value] * 10
    return value


def deep() -> object:
    value: object = {}
    for _ in range(100_000):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [laughs(), deep(), "x" * 10**7, 7 ** (10**6), dict.fromkeys(range(10**5), "x" * 1000), {1, 2, 3, 4}, (1,)],
    ids=["laughs", "deep", "long", "large", "many", "set", "tuple"],
)
def test_any_value_is_said_in_a_short_line_in_no_time(value: object) -> None:
    began = time.process_time()
    assert 0 < len(short(value)) <= MOST_OF_A_VALUE
    assert time.process_time() - began < 1


def test_a_value_that_is_short_is_said_whole() -> None:
    values = ["geglu", 10**9, 0.5, None, True, [1, 2], {"a": 1}, {}, [], ("x", 2)]
    assert [short(value) for value in values[:-1]] == [repr(value) for value in values[:-1]]
    assert short([[[[1]]]]).count("[") == DEEPEST
