"""Pages and docstrings name only what exists: paths of the repository, dotted names, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ngrt

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
SOURCES = sorted(path for package in ("ngrt", "bench", "export") for path in (ROOT / package).rglob("*.py"))
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`+([^`]+)`+|:raises ([\w.]+):")
PATH = re.compile(r"(?<![\w./-])(?:[a-z_]\w*/)+(?:\w+\.(?:py|toml|md|json|html|onnx))?(?![\w/-])")
DOTTED = re.compile(r"(?<![\w./-])(?:ngrt|bench|export)(?:\.\w+)+")
SETTINGS_FILE = "ngrt.toml"
PLACES = (ROOT, ROOT / "ngrt")
"""Pages name paths as they are in the repository, or in ``ngrt`` where a table is about its rooms."""

NOT_OURS = ("engines/", "tests/data/")
"""Folders whose content a user or a test makes."""


def documented(path: Path) -> str:
    """Return what a page says outside of its examples, or the docstrings of a module and of what is in it."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return FENCED.sub("", text)
    nodes = ast.walk(ast.parse(text))
    strings = (node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return "\n".join(string.value for string in strings if isinstance(string.value, str))


def quoted(path: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield what ``pattern`` finds in backticks, and in the errors that a docstring names."""
    for code, error in QUOTED.findall(documented(path)):
        yield from pattern.findall(code or error)


def defined(scope: ast.Module | ast.ClassDef) -> dict[str, ast.stmt]:
    """Return what a module or a class defines or imports, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.walk(scope):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = node
            case ast.Assign(targets=targets):
                found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
            case ast.ImportFrom(names=names):
                found |= {alias.asname or alias.name: node for alias in names}
    return found


def exists(name: str) -> bool:
    """Return whether a dotted name is a module or something in one. Nothing is imported: some modules are Windows'."""
    place, parts = ROOT, name.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    module = place / "__init__.py"
    if parts and (place / f"{parts[0]}.py").is_file():
        module = place / f"{parts.pop(0)}.py"
    if place == ROOT / "ngrt" and len(parts) == 1 and module.name == "__init__.py":
        return parts[0] in {*ngrt.__all__, "__all__"}
    scope: ast.Module | ast.ClassDef = ast.parse(module.read_text("utf-8"))
    for number, part in enumerate(parts):
        found = defined(scope).get(part)
        if found is None:
            return False
        if not isinstance(found, ast.ClassDef):
            return number == len(parts) - 1
        scope = found
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = [path for path in quoted(page, PATH) if not path.startswith(NOT_OURS) and "NAME" not in path]
    assert [path for path in named if not any((place / path).exists() for place in PLACES)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", documented(page)) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_dotted_name_in_pages_and_docstrings_exists() -> None:
    named = {name: path for path in (*PAGES, *SOURCES) for name in quoted(path, DOTTED) if name != SETTINGS_FILE}
    assert len(named) > 40
    assert {name: path.name for name, path in named.items() if not exists(name)} == {}


def test_every_path_in_a_docstring_exists() -> None:
    named = {path: source.name for source in SOURCES for path in quoted(source, PATH)}
    ours = {path: source for path, source in named.items() if not path.startswith(NOT_OURS)}
    assert {path: source for path, source in ours.items() if not any((place / path).exists() for place in PLACES)} == {}


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("ngrt.play", True),
        ("ngrt.pipeline.run", True),
        ("ngrt.pipeline.run.Session.policy", True),
        ("ngrt.interfaces.Policy.predict", True),
        ("export.fp8.quantize", True),
        ("ngrt.pipeline.run.Sessions", False),
        ("ngrt.backends.pads", False),
        ("bench.nothing", False),
    ],
)
def test_a_name_exists_where_something_is_called_so(name: str, there: bool) -> None:
    assert exists(name) == there
