"""The last layer of networks that answer at twice their size: a convolution of four channels, which become 2×2 pixels.

A processor computes 16 channels at once. So the convolution is made to answer four neighbours of a row together: it
takes half of the time, and what follows it, such as a sigmoid, a quarter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from model_api.graph.traversal import constant_of, redirect
from model_api.graph.weights import Values, Weights

BLOCK = 2
TOGETHER = 4
"""Neighbours of a row."""
ONES = [1, 1]


def convolve_neighbours(model: ov.Model) -> None:
    """Rewrite convolutions in 8 bits whose four channels become 2×2 pixels of one channel."""
    for shuffle in model.get_ordered_ops():
        if shuffle.get_type_name() == "DepthToSpace" and shuffle.get_attributes()["block_size"] == BLOCK:
            added = shuffle.input_value(0).get_node()
            convolution = added.input_value(0).get_node() if added.get_type_name() == "Add" else None
            if convolution is not None and convolution.get_type_name() == "Convolution":
                _rewrite(convolution, added, shuffle)


def _rewrite(convolution: Any, added: Any, shuffle: Any) -> None:
    weights, bias = Weights.of(convolution), constant_of(added.input_value(1), np.float32)
    attributes, shape = convolution.get_attributes(), convolution.get_output_partial_shape(0)
    if weights is None or bias is None or weights.values.shape[0] != BLOCK**2 or shape.is_dynamic:
        return
    _, _, height, width = shape.to_shape()
    if attributes["strides"] != ONES or attributes["dilations"] != ONES or width % TOGETHER:
        return
    around = attributes["pads_begin"], attributes["pads_end"]
    wide = Weights(_neighbours(weights.values), _for_each(weights.scale))
    together = ops.convolution(convolution.input_value(0), wide.node(), [1, TOGETHER], *around, ONES)
    answers = ops.add(together, ops.constant(_for_each(bias.reshape(-1, 1, 1, 1)).reshape(1, -1, 1, 1)))
    # Channels are (row of the block, neighbour, column of the block), the last two of which are pixels of a row.
    rows = ops.reshape(ops.transpose(answers, [0, 2, 3, 1]), [height, width // TOGETHER, BLOCK, -1], special_zero=False)
    pixels = ops.reshape(ops.transpose(rows, [0, 2, 1, 3]), [1, 1, BLOCK * height, BLOCK * width], special_zero=False)
    redirect(shuffle.output(0), pixels.output(0))


def _neighbours(values: Values) -> Values:
    """(4, inputs, h, w) for one pixel as (16, inputs, h, w + 3) for four of them."""
    blocks = values.reshape(BLOCK, 1, BLOCK, *values.shape[1:])
    wide = np.zeros((BLOCK, TOGETHER, BLOCK, *values.shape[1:3], values.shape[3] + TOGETHER - 1), values.dtype)
    for number in range(TOGETHER):
        wide[:, number, ..., number : number + values.shape[3]] = blocks[:, 0]
    return wide.reshape(-1, *wide.shape[3:])


def _for_each(values: Values) -> Values:
    """One number for each of four channels, for each of 16."""
    return np.tile(values.reshape(BLOCK, 1, BLOCK), (1, TOGETHER, 1)).reshape(-1, *values.shape[1:])
