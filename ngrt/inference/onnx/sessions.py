"""From a graph's files to a session of ONNX Runtime, on any of its devices."""

import mmap
from collections.abc import Mapping, Sequence

import numpy as np

from ngrt.inference.failures import Failure
from ngrt.inference.onnx.library import ort
from ngrt.policy.contents import GraphFiles

Providers = Sequence[str | tuple[str, Mapping[str, str]]]

FROM_MEMORY = "add_external_initializers_from_files_in_memory"
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
        kept = _show_weights(files, options)
        session = ort.InferenceSession(files.content, options, providers=providers)
    del kept
    files.check_unchanged()
    return session


def _show_weights(files: GraphFiles, options: ort.SessionOptions) -> object:
    """Let the session find its weights; return what must be kept until it is open."""
    if not files.data:
        return None
    if not files.linked or not hasattr(options, FROM_MEMORY):  # versions that have it not follow links
        options.add_session_config_entry(WEIGHTS_IN, files.pinned)
        return None
    # it follows no links, and is given what they lead to; this takes more memory, for it keeps the whole file mapped
    mapped = {
        name: np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        for name, file in files.data.items()
    }
    options.add_external_initializers_from_files_in_memory(
        list(mapped), list(mapped.values()), [len(content) for content in mapped.values()]
    )
    return mapped
