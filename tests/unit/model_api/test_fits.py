"""How a network's answer comes back to the frame, whatever size the answer has."""

from __future__ import annotations

import numpy as np
import pytest

from model_api.resize import crop, fit_to_window, fit_to_window_letterbox, standard


@pytest.mark.parametrize("share", [(1, 4), (1, 2), (2, 3), (3, 4), (1, 1), (3, 2), (2, 1), (4, 1)])
@pytest.mark.parametrize("fit_of", [standard, crop, fit_to_window, fit_to_window_letterbox])
def test_an_answer_of_any_size_lies_where_the_frame_was(fit_of: object, share: tuple[int, int]) -> None:
    """The answer rises evenly over the input, so that what comes back tells where in the input each pixel was."""
    frame_wh, input_wh = (480, 240), (96, 96)
    side = 96 * share[0] // share[1]
    fit = fit_of(frame_wh, input_wh)  # type: ignore[operator]
    centres = (np.arange(side, dtype=np.float32) + 0.5) * 96 / side
    x_answer = np.tile(centres, (side, 1))
    for answer, axis in ((x_answer, 0), (np.ascontiguousarray(x_answer.T), 1)):
        undone = fit.undo(answer)
        assert undone.shape == frame_wh[::-1]
        lines = undone[120] if axis == 0 else undone[:, 240]
        (shown, length), (placed, size) = ((box[axis], box[axis + 2]) for box in (fit.shown, fit.placed))
        pixels = np.arange(shown, shown + length)
        expected = placed + (pixels - shown + 0.5) * size / length
        middle = slice(length // 4, 3 * length // 4)  # bilinear enlargement is flat at the edges
        assert np.abs(lines[pixels] - expected)[middle].max() <= 96 / side
