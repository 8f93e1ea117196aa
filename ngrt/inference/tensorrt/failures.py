"""What TensorRT raises, beside what it tells its logger: its bindings make RuntimeError of its own exceptions."""

from ngrt.errors import BundleError, EngineError
from ngrt.inference.failures import Failure

RAISED = (RuntimeError,)

LOAD = Failure(RAISED, BundleError, "{what} ({reason})")
SHAPES = Failure(RAISED, EngineError, "{what} does not take these shapes ({reason})", "export the bundle again")
