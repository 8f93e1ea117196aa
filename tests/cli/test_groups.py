"""The help of `ngrt play`: options by what they are about."""

import re

import pytest

from ngrt.cli.commands import run
from ngrt.cli.groups import GROUPS
from ngrt.cli.output import page
from ngrt.session.settings import PlaySettings
from tests.cli.said import Captured

PANEL = re.compile(r"^╭─ (\w+) ─")
COMMANDS = ["", "play", "windows", "predict", "doctor", "export", "synth", "info", "bench", "bench compare"]


def test_every_setting_is_in_one_group() -> None:
    grouped = [field for fields in GROUPS.values() for field in fields]
    assert sorted(grouped) == sorted(PlaySettings.model_fields)


def test_the_help_of_play_has_its_options_by_what_they_are_about(capsys: Captured) -> None:
    assert run(["play", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    panels = [found[1] for line in lines if (found := PANEL.match(line))]
    assert panels == ["Arguments", "Game", "Engine", "Control", "Pad", "Guards", "Output"]
    where: dict[str, str] = {}
    for line in lines:
        panel = found[1] if (found := PANEL.match(line)) else where.get("now", "")
        where["now"] = panel
        if option := re.match(r"│ +--([\w-]+)", line):
            where[option[1].replace("-", "_")] = panel
    assert {name: where[name] for fields in GROUPS.values() for name in fields} == {
        name: group for group, fields in GROUPS.items() for name in fields
    }
    assert where["config"] == where["debug"] == "Output"


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_keeps_to_the_terminals_width_and_tells_no_default_that_is_none(
    command: str, width: int, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_width", width)
    assert run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines()) <= width
    for empty in ("[default: ]", "[default: ()]", "[default: False]", "[default: None]"):
        assert empty not in text


def test_a_default_that_matters_is_told(capsys: Captured) -> None:
    assert run(["play", "--help"]) == 0
    text = capsys.readouterr().out
    for default in ("60", "auto", "F12", "6", "wait"):
        assert f"[default: {default}]" in text
