"""Capture on Windows: our calls and the stand-in against dxcam's own source."""

import ast
import inspect
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from ngrt.sources import dxcam_camera
from ngrt.sources.dxcam_displays import FACTORY
from tests.sources.dxcam_standin import Camera, Machine

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a stand-in for what is here")


def tree(name: str) -> ast.Module:
    """Return one of dxcam's files, read without importing it: that would list display adapters."""
    spec = find_spec("dxcam")
    if spec is None or spec.origin is None:
        pytest.skip("dxcam's source is not here: pip install dxcam")
    return ast.parse((Path(spec.origin).parent / name).read_text("utf-8"))


def functions(where: ast.AST) -> dict[str, ast.FunctionDef]:
    body = getattr(where, "body", [])
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def one_class(module: ast.Module, name: str) -> ast.ClassDef:
    (found,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return found


def arguments(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args]


def released(file: str, name: str) -> str:
    return ast.unparse(functions(one_class(tree(file), name))["release"])


def ours(method: str) -> list[str]:
    """Return the keywords with which the backend calls a function of this name."""
    source = Path(str(dxcam_camera.__file__)).read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == method]
    return [keyword.arg for call in found for keyword in call.keywords if keyword.arg is not None]


def test_the_library_takes_what_it_is_given() -> None:
    camera = functions(one_class(tree("dxcam.py"), "DXCamera"))
    create = arguments(functions(tree("__init__.py"))["create"])
    assert ours("create")
    assert set(ours("create")) <= set(create)
    assert ours("start")
    assert set(ours("start")) <= set(arguments(camera["start"]))
    assert ours("grab") == []
    assert arguments(camera["release"]) == ["self"]


def test_the_stand_in_takes_what_the_library_takes() -> None:
    camera = functions(one_class(tree("dxcam.py"), "DXCamera"))
    for name in ("start", "grab", "release"):
        assert list(inspect.signature(getattr(Camera, name)).parameters) == arguments(camera[name])
    create = arguments(functions(tree("__init__.py"))["create"])
    assert list(inspect.signature(Machine.create).parameters) == ["self", *create]


def test_what_is_read_of_a_camera_is_there() -> None:
    camera = one_class(tree("dxcam.py"), "DXCamera")
    properties = {
        name
        for name, method in functions(camera).items()
        if any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
    }
    assert {"latest_frame_time", "latest_frame_ticks", "is_released"} <= properties
    assert "self.is_capturing = False" in ast.unparse(functions(camera)["__init__"])


def test_the_factory_keeps_outputs_by_adapter_and_they_know_their_device() -> None:
    module = tree("__init__.py")
    assert f"{FACTORY} = DXFactory()" in [ast.unparse(node) for node in module.body]
    assert "self.outputs.append([Output(p_output)" in ast.unparse(one_class(module, "DXFactory"))
    assert "devicename" in functions(one_class(tree("core/output.py"), "Output"))


def test_the_quirks_that_are_dealt_with_are_in_the_source() -> None:
    module, camera = tree("__init__.py"), functions(one_class(tree("dxcam.py"), "DXCamera"))
    assert "_install_sigterm_handler()" in ast.unparse(functions(module)["create"])
    assert "return existing_camera" in ast.unparse(one_class(module, "DXFactory"))
    assert "join(timeout=10)" in ast.unparse(camera["stop"])
    assert "if self.is_capturing" in ast.unparse(camera["grab"])
    assert "peek_latest" in ast.unparse(camera["_peek_latest_buffered_frame"])
    assert "self.duplicator = None" in released("core/dxgi_duplicator.py", "DXGIDuplicator")
    assert "self._session = None" in released("core/winrt_duplicator.py", "WinRTDuplicator")
    assert "self._duplicator.release()" in ast.unparse(camera["_release_recovery_resources"])
    assert "create_for_monitor" in ast.unparse(tree("core/winrt_duplicator.py"))
    assert "DXCAM_WINRT_CURSOR_CAPTURE" in ast.unparse(tree("core/winrt_duplicator.py"))
