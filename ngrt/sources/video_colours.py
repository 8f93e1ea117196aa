"""From a video's frame to a picture for a screen: RGB of 8 bits, upright, HDR toned down by FFmpeg's own filter."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc

from ngrt.errors import SourceError
from ngrt.messages import Image
from ngrt.sources.video_file import map_av_errors

HDR = {ColorTrc.SMPTE2084: "smpte2084", ColorTrc.ARIB_STD_B67: "arib-std-b67"}
"""Transfer functions of HDR, PQ and HLG, by FFmpeg's names."""

UNSAID = frozenset({0, 2})
"""Values of a colour property that say nothing."""

SCREEN = "out_transfer=iec61966-2-1:out_primaries=bt709:intent=relative_colorimetric"
"""sRGB. White of 203 nits (ITU-R BT.2408) becomes white, and what shines brighter becomes white too."""


TONED = 1280 * 720
"""Pixels of a picture whose tones are mapped; larger ones are shrunk first: few machines do more in real time."""


class Colours:
    """Makes pictures of the frames of the video ``path``."""

    def __init__(self, path: Path) -> None:
        self.hdr = False
        self._path = path
        self._graph: Graph | None = None
        self._for: tuple[object, ...] = ()

    def picture(self, frame: VideoFrame) -> Image:
        """Return ``frame``, (height, width, 3) uint8 RGB.

        :raises SourceError: it is in a format that cannot be shown
        """

        def unshown(error: Exception) -> SourceError:
            return SourceError(
                f"video {self._path} has pictures in {frame.format.name}, which cannot be shown as RGB",
                remedy="convert it",
            )

        turns = round(frame.rotation / 90) % 4  # telephones record sideways and note it
        self.hdr = frame.color_trc in HDR
        with map_av_errors(unshown, ValueError):
            image = (self._toned(frame) if self.hdr else frame).to_ndarray(format="rgb24")
        return np.ascontiguousarray(np.rot90(image, turns) if turns else image, np.uint8)

    def _toned(self, frame: VideoFrame) -> VideoFrame:
        kind = frame.width, frame.height, frame.format.name, frame.color_trc, frame.color_primaries, frame.colorspace
        if self._graph is None or self._for != kind:
            self._graph, self._for = _tone_mapper(frame), kind
        try:
            self._graph.vpush(frame)
            return self._graph.vpull()
        except FFmpegError:
            self._graph = None  # it cannot be used again
            raise


def _tone_mapper(frame: VideoFrame) -> Graph:
    options = [f"in_transfer={HDR[ColorTrc(frame.color_trc)]}", SCREEN]
    if frame.color_primaries in UNSAID:  # HDR has those of BT.2020
        options.append("in_primaries=bt2020")
    if frame.colorspace in UNSAID and not frame.format.is_rgb:
        options.append("in_color_matrix=bt2020nc")
    graph = Graph()
    smaller = min(1.0, (TONED / (frame.width * frame.height)) ** 0.5)
    size = ":".join(str(max(1, round(side * smaller))) for side in (frame.width, frame.height))
    nodes = (
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 30)
        ),
        graph.add("scale", f"{size}:flags=bilinear"),
        graph.add("scale", ":".join(options)),
        graph.add("format", "rgb24"),
        graph.add("buffersink"),
    )
    graph.link_nodes(*nodes).configure()
    return graph
