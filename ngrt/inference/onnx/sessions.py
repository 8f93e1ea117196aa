"""From a graph's files to a session of ONNX Runtime, on any of its devices."""

from collections.abc import Mapping, Sequence

from ngrt.inference.failures import Failure
from ngrt.inference.onnx.library import ort
from ngrt.policy.contents import GraphFiles

Providers = Sequence[str | tuple[str, Mapping[str, str]]]

WEIGHTS_IN = "session.model_external_initializers_file_folder_path"


def open_session(
    files: GraphFiles, options: ort.SessionOptions, providers: Providers, failure: Failure
) -> ort.InferenceSession:
    """Return a session that runs the graph in ``files``, whose hashes were checked.

    :raises ngrt.errors.BundleError: it is no graph, it names files that are not its own, or cannot be loaded
    """
    files.check_graph()
    options.add_session_config_entry("session.load_model_format", "ONNX")  # the format that was checked
    with failure.translated(files.path):
        if files.data:
            options.add_session_config_entry(WEIGHTS_IN, files.pinned)
        session = ort.InferenceSession(files.content, options, providers=providers)
    files.check_unchanged()
    return session
