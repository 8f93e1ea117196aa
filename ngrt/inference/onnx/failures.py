"""What ONNX Runtime raises. Its own exceptions share no base but Exception."""

from ngrt.errors import BundleError, EngineError
from ngrt.inference.failures import Failure, first_line

ANY = (Exception,)
ON_GPU = "free memory on the GPU, or use --backend cpu"

LOAD = Failure(ANY, BundleError, "{what} cannot be loaded ({reason})", "export the bundle again", reason=first_line)
RUN = Failure(ANY, EngineError, "the engine failed ({reason})", "free memory, or export the bundle again")
GPU_LOAD = Failure(
    ANY, BundleError, "{what} cannot be loaded ({reason})", "use --backend cpu, or export it again", ON_GPU
)
GPU_RUN = Failure(ANY, EngineError, "the GPU failed ({reason})", "free memory on it, or use --backend cpu", ON_GPU)
