"""Networks that find coloured things: what they answer can be told from the picture.

There may be a red thing in the left half, another in the right half, and a blue one anywhere. Red ones are people,
blue ones dogs. A thing's score is its colour's level, its box holds the pixels that have it, its mask is their shape.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser

WIDTH, HEIGHT = 160, 96
CELLS = 28
"""A mask is 28×28, as Mask R-CNN's are."""

THINGS = """
    number = Constant <value_int = {blue}> ()
    blue = Gather <axis = 1> (pixels, number)
    other_number = Constant <value_int = {red}> ()
    red = Gather <axis = 1> (pixels, other_number)
    nought = Constant <value_float = 0.0> ()
    step = Constant <value_float = 1.0> ()
    width = Constant <value_float = {width}.0> ()
    height = Constant <value_float = {height}.0> ()
    half = Constant <value_float = 0.5> ()
    xs = Range (nought, width, step)
    ys = Range (nought, height, step)
    middle = Mul (width, half)
    is_left = Less (xs, middle)
    left_half = Cast <to = 1> (is_left)
    right_half = Sub (step, left_half)
    left_red = Mul (red, left_half)
    right_red = Mul (red, right_half)
    levels = Concat <axis = 0> (left_red, right_red, blue)
    highest = ReduceMax <axes = [1, 2], keepdims = 0> (levels)
    full = Constant <value_float = 255.0> ()
    scores_of_all = Div (highest, full)
    dark = Constant <value_float = 12.0> ()
    is_lit = Greater (levels, dark)
    lit = Cast <to = 1> (is_lit)
    in_column = ReduceMax <axes = [1], keepdims = 0> (lit)
    in_row = ReduceMax <axes = [2], keepdims = 0> (lit)
    not_in_column = Sub (step, in_column)
    not_in_row = Sub (step, in_row)
    far_xs = Mul (not_in_column, width)
    far_ys = Mul (not_in_row, height)
    near_xs = Add (xs, far_xs)
    near_ys = Add (ys, far_ys)
    left = ReduceMin <axes = [1], keepdims = 1> (near_xs)
    top = ReduceMin <axes = [1], keepdims = 1> (near_ys)
    ends_x = Add (xs, step)
    ends_y = Add (ys, step)
    lit_ends_x = Mul (ends_x, in_column)
    lit_ends_y = Mul (ends_y, in_row)
    right = ReduceMax <axes = [1], keepdims = 1> (lit_ends_x)
    bottom = ReduceMax <axes = [1], keepdims = 1> (lit_ends_y)
    corners_of_all = Concat <axis = 1> (left, top, right, bottom)
    first = Constant <value_ints = [0]> ()
    second = Constant <value_ints = [1]> ()
"""

PRESENT = """
    is_there = Greater (highest, dark)
    where = NonZero (is_there)
    rows = Squeeze (where, first)
    corners = Gather <axis = 0> (corners_of_all, rows)
    sure = Gather <axis = 0> (scores_of_all, rows)
    numbers_of_all = Constant <value_ints = [0, 0, 1]> ()
    numbers = Gather <axis = 0> (numbers_of_all, rows)
    numbers_with_background = Add (numbers, second)
    planes = Unsqueeze (lit, second)
    places = Constant <value_ints = [0, 1, 2]> ()
    shapes_of_all = RoiAlign <coordinate_transformation_mode = "half_pixel", mode = "avg", output_height = {cells},
        output_width = {cells}, sampling_ratio = 2> (planes, corners_of_all, places)
    shapes = Gather <axis = 0> (shapes_of_all, rows)
    sure_column = Unsqueeze (sure, second)
"""

FORMS = {
    "columns": (
        "float[n, 5] boxes, int64[n] labels, float[n, {cells}, {cells}] masks",
        """
        boxes = Concat <axis = 1> (corners, sure_column)
        labels = Identity (numbers)
        masks = Squeeze (shapes, second)
        """,
    ),
    "fixed": (
        "float[3, 5] boxes, int64[3] labels, float[3, {cells}, {cells}] masks",
        """
        scores_column = Unsqueeze (scores_of_all, second)
        boxes = Concat <axis = 1> (corners_of_all, scores_column)
        labels = Identity (numbers_of_all)
        masks = Squeeze (shapes_of_all, second)
        """,
    ),
    "batch": (
        "float[1, n, 5] boxes, int64[1, n] labels, float[1, n, {cells}, {cells}] masks",
        """
        flat = Concat <axis = 1> (corners, sure_column)
        boxes = Unsqueeze (flat, first)
        labels = Unsqueeze (numbers, first)
        one_mask = Squeeze (shapes, second)
        masks = Unsqueeze (one_mask, first)
        """,
    ),
    "unnamed": (
        "float[n, {cells}, {cells}] o3, float[n, 5] o1, int64[n] o2, int64[n] TopK_7",
        """
        o1 = Concat <axis = 1> (corners, sure_column)
        o2 = Identity (numbers)
        o3 = Squeeze (shapes, second)
        TopK_7 = Add (numbers, second)
        """,
    ),
    "scores": (
        "float[n, 4] boxes, int64[n] labels, float[n] scores, float[n, 1, {cells}, {cells}] masks",
        """
        boxes = Identity (corners)
        scores = Identity (sure)
        labels = Identity (numbers_with_background)
        masks = Identity (shapes)
        """,
    ),
    "classes": (
        "float[n, 4] boxes, int64[n] classes, float[n] scores, float[n, 3, {cells}, {cells}] raw_masks",
        """
        reversed = Constant <value_ints = [1, 0, 1, 0]> ()
        limits = Gather <axis = 1> (im_info, reversed)
        boxes = Min (corners, limits)
        scores = Identity (sure)
        classes = Identity (numbers_with_background)
        three = Constant <value_int = 3> ()
        off_on = Constant <value_floats = [0.0, 1.0]> ()
        own = OneHot <axis = 1> (classes, three, off_on)
        last_two = Constant <value_ints = [2, 3]> ()
        own_plane = Unsqueeze (own, last_two)
        right_ones = Mul (own_plane, shapes)
        wrong_ones = Sub (step, own_plane)
        raw_masks = Add (right_ones, wrong_ones)
        """,
    ),
}

YOLACT = """
    deviation = Constant <value_floats = [58.395, 57.12, 57.375]> ()
    mean = Constant <value_floats = [123.675, 116.78, 103.94]> ()
    planes_apart = Constant <value_ints = [1, 3, 1, 1]> ()
    deviations = Reshape (deviation, planes_apart)
    means = Reshape (mean, planes_apart)
    spread = Mul (picture, deviations)
    pixels = Add (spread, means)
    {things}
    extent = Constant <value_floats = [{width}.0, {height}.0, {width}.0, {height}.0]> ()
    whole = Div (corners_of_all, extent)
    tighter = Constant <value_floats = [1.02, 1.02, 0.98, 0.98]> ()
    again = Mul (whole, tighter)
    all_boxes = Concat <axis = 0> (whole, again)
    boxes = Unsqueeze (all_boxes, first)
    less = Constant <value_float = 0.9> ()
    scores_again = Mul (scores_of_all, less)
    all_scores = Concat <axis = 0> (scores_of_all, scores_again)
    score_column = Unsqueeze (all_scores, second)
    classes = Constant <value = float[6, 3] {{1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0}}> ()
    of_classes = Mul (classes, score_column)
    of_none = Sub (step, score_column)
    all_conf = Concat <axis = 1> (of_none, of_classes)
    conf = Unsqueeze (all_conf, first)
    mixtures = Constant <value = float[6, 2] {{20, 0, 20, 0, 0, 20, 20, 0, 20, 0, 0, 20}}> ()
    mask = Unsqueeze (mixtures, first)
    red_and_blue = Concat <axis = 0> (red, blue)
    reds_and_blues = Unsqueeze (red_and_blue, first)
    is_bright = Greater (reds_and_blues, dark)
    bright = Cast <to = 1> (is_bright)
    cells = AveragePool <kernel_shape = [4, 4], strides = [4, 4]> (bright)
    signed = Sub (cells, half)
    proto = Transpose <perm = [0, 2, 3, 1]> (signed)
"""


def mask_rcnn(path: Path, form: str = "columns", width: int = WIDTH, height: int = HEIGHT) -> Path:
    """Mask R-CNN's contract, from BGR 0..255, with as many detections as there are things.

    form: "columns", boxes N×5 with the scores, as the Open Model Zoo's; "fixed", the same with three detections
    always, those of no thing with a score of 0; "batch", as "columns" with a dimension before;
    "unnamed", the same by other names; "scores", boxes N×4 and N scores; "classes", besides these an input that limits
    the boxes and a mask for every class, of which all but the right one are full.
    """
    outputs, nodes = FORMS[form]
    sizes = ", float[1, 3] im_info" if form == "classes" else ""
    things = THINGS.format(blue=0, red=2, width=width, height=height)
    body = f"pixels = Identity (image) {things} {PRESENT.format(cells=CELLS)} {nodes}"
    return _save(path, f"float[1, 3, {height}, {width}] image{sizes}", outputs.format(cells=CELLS), body)


def yolact(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """YOLACT's contract, as published: from RGB less mean by scale. Six candidates, each thing twice: the second time
    a little smaller and less sure. There is a class more, of nothing.

    The prototypes, a cell for 4×4 pixels, are all that is red and all that is blue: the mask of a red thing shows the
    other one, too, where it is not cut at its box.
    """
    body = YOLACT.format(things=THINGS.format(blue=2, red=0, width=width, height=height), width=width, height=height)
    proto = f"float[1, {height // 4}, {width // 4}, 2] proto"
    outputs = f"float[1, 6, 4] conf, float[1, 6, 4] boxes, float[1, 6, 2] mask, {proto}"
    return _save(path, f"float[1, 3, {height}, {width}] picture", outputs, body)


def _save(path: Path, inputs: str, outputs: str, body: str) -> Path:
    text = f'<ir_version: 9, opset_import: ["": 17]> test ({inputs}) => ({outputs}) {{ {body} }}'
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
