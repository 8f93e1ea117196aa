"""What libraries raise becomes ngrt's own errors, by one table a library."""

import pytest

from ngrt.errors import BundleError, EngineError, MissingExtraError, SettingsError
from ngrt.inference import openvino
from ngrt.inference.failures import Failure, import_library
from ngrt.inference.onnx import failures as onnx
from ngrt.inference.tensorrt import failures as tensorrt

ODD = Failure((ValueError,), EngineError, "{what} failed ({reason})", "try again")


def test_what_the_library_raises_is_said_in_one_line_with_what_it_was_about_and_the_remedy() -> None:
    with pytest.raises(EngineError) as caught, ODD.translated("a graph"):
        raise ValueError("first\n  second")
    assert str(caught.value) == "a graph failed (first second); try again"
    assert caught.value.remedy == "try again"
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_call_that_knows_a_remedy_of_its_own_says_that() -> None:
    with pytest.raises(EngineError, match=r"try another$"), ODD.translated("a graph", "try another"):
        raise ValueError("no")


def test_where_the_library_says_nothing_the_kind_of_its_exception_is_said() -> None:
    with pytest.raises(EngineError, match=r"\(ValueError\)"), ODD.translated("a graph"):
        raise ValueError


def test_braces_in_what_the_library_says_stay_as_they_are() -> None:
    with pytest.raises(EngineError, match=r"\{0\} failed \(\{reason\}\)"), ODD.translated("{0}"):
        raise ValueError("{reason}")


def test_errors_of_ngrt_and_those_the_library_does_not_raise_pass_as_they_are() -> None:
    with pytest.raises(SettingsError, match=r"^as it is$"), onnx.RUN.translated():
        raise SettingsError("as it is")
    with pytest.raises(KeyError), ODD.translated():
        raise KeyError


@pytest.mark.parametrize(
    ("failure", "raised", "error", "said"),
    [
        (onnx.LOAD, Exception("a\nb"), BundleError, "it cannot be loaded (a); export the bundle again"),
        (onnx.RUN, Exception("a\nb"), EngineError, "the engine failed (a b); free memory, or export the bundle again"),
        (
            onnx.GPU_LOAD,
            Exception("a\nb"),
            BundleError,
            "it cannot be loaded (a b); use --backend cpu, or export it again",
        ),
        (onnx.GPU_RUN, Exception("a"), EngineError, "the GPU failed (a); free memory on it, or use --backend cpu"),
        (openvino.LOAD, RuntimeError("a\nb"), BundleError, "it cannot be loaded (a b); export the bundle again"),
        (openvino.RUN, TypeError("a"), EngineError, "the engine failed (a); free memory, or export the bundle again"),
        (tensorrt.SHAPES, RuntimeError("a"), EngineError, "it does not take these shapes (a); export the bundle again"),
    ],
)
def test_every_row_says_what_it_says(failure: Failure, raised: Exception, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught, failure.translated("it"):
        raise raised
    assert str(caught.value) == said


def test_a_library_that_is_not_installed_is_told_apart_from_one_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_library is not installed; .*ngrt\[openvino\]"):
        import_library("no_such_library", "openvino")

    def broken(module: str) -> None:
        raise OSError("no lib.so")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(
        BundleError, match=r"^it is installed and cannot be loaded \(no lib.so\); install it again .*, or"
    ):
        import_library("it", "openvino", ", or something else")
