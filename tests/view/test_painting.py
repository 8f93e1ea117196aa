"""Pictures as half blocks."""

import re

import numpy as np

from ngrt.view.painting import paint


def test_upper_and_lower_pixel_share_a_cell() -> None:
    image = np.array([[(200, 0, 0)], [(0, 0, 200)]], np.uint8)
    (row,) = paint(image, "truecolor")
    assert row.style is not None
    assert row.style.render(row.text) == "\x1b[38;2;200;000;000;48;2;000;000;200m▀\x1b[0m"


def test_equal_neighbours_need_no_codes_of_their_own() -> None:
    (row,) = paint(np.full((2, 50, 3), 80, np.uint8), "truecolor")
    assert row.style is not None
    assert row.style.render(row.text).count("\x1b[38") == 1
    assert row.cell_length == 50


def test_two_hundred_fifty_six_colours_keep_greys_apart_from_the_colour_cube() -> None:
    image = np.array([[(52, 56, 68), (255, 0, 0), (0, 95, 0)]] * 2, np.uint8)
    (row,) = paint(image, "256")
    assert row.style is not None
    assert re.findall(r"38;5;(\d+)", row.style.render(row.text)) == ["237", "196", "022"]


def test_without_colours_the_picture_is_shaded_in_letters() -> None:
    image = np.repeat(np.array([[0, 128, 255]], np.uint8)[:, :, None], 3, axis=2)
    (row,) = paint(np.repeat(image, 2, axis=0), None)
    assert row.text == " +@"
