"""Colours as users write them."""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255."""
DEFAULT_COLOUR: Colour = (155, 255, 120)
"""The green of the Open Model Zoo's demo."""

# As in CSS, except green, which is the full one for people who work with cameras.
COLOURS: dict[str, Colour] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "silver": (192, 192, 192), "red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0),
    "yellow": (0, 255, 255), "cyan": (255, 255, 0), "magenta": (255, 0, 255), "orange": (0, 165, 255),
    "purple": (128, 0, 128), "pink": (203, 192, 255), "brown": (42, 42, 165), "navy": (128, 0, 0),
    "teal": (128, 128, 0), "olive": (0, 128, 128), "maroon": (0, 0, 128),
}  # fmt: skip


def parse_colour(text: str) -> Colour | None:
    """Read "R,G,B", "#rrggbb", "#rgb" or a name as BGR; None if it is none of them."""
    text = text.strip().lower()
    if text in COLOURS:
        return COLOURS[text]
    digits = text.removeprefix("#")
    try:
        if text.startswith("#") and len(digits) in (3, 6):
            pairs = [digit * 2 for digit in digits] if len(digits) == 3 else [digits[i : i + 2] for i in (0, 2, 4)]
            red, green, blue = (int(pair, 16) for pair in pairs)
        else:
            red, green, blue = (int(number) for number in text.split(","))
    except ValueError:
        return None
    return (blue, green, red) if all(0 <= level <= 255 for level in (red, green, blue)) else None
