"""Pictures as shapes, in whole units: what SVG and PDF are both made of.

Tones are names: whoever draws gives them colours, so that one picture fits light, dark and paper.
"""

from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A filled rectangle. `title` is what it stands for."""

    x: int
    y: int
    width: int
    height: int
    tone: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A line through points, or with `filled` the area within them."""

    points: tuple[Point, ...]
    tone: str
    filled: bool = False
    dashed: bool = False
    width: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words at a point; `anchor` is start, middle or end."""

    x: int
    y: int
    text: str
    anchor: str = "start"
    tone: str = "subtle"


Shape: TypeAlias = Rect | Path | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Shapes on a sheet, drawn in their order."""

    width: int
    height: int
    shapes: tuple[Shape, ...]
