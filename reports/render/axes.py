"""Scales and axes of the charts, in whole numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from reports.render.drawing import Path, Shape, Text

TICKS_MAX = 5


@dataclass(frozen=True, slots=True)
class Sheet:
    """The room of a chart: the whole width of a page, or half of it."""

    width: int
    height: int
    times: int  # parts of the time axis

    @property
    def left(self) -> int:
        """Where the values begin; before it are the numbers of the axis."""
        return 72

    @property
    def right(self) -> int:
        """Where they end."""
        return self.width - 14

    @property
    def top(self) -> int:
        """The highest value."""
        return 14

    @property
    def bottom(self) -> int:
        """The lowest; below it are the names of the axis."""
        return self.height - 30

    def x(self, part: int, parts: int) -> int:
        """Return where the end of a part lies from left to right."""
        return self.left + part * (self.right - self.left) // parts


WHOLE, HALF = Sheet(960, 290, 8), Sheet(480, 250, 4)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to heights on the sheet, with round numbers to mark."""

    sheet: Sheet
    low: int
    high: int
    ticks: tuple[int, ...]

    def y(self, value: int) -> int:
        """Return the height of a value."""
        room = self.sheet.bottom - self.sheet.top
        return self.sheet.bottom - (value - self.low) * room // (self.high - self.low)


def scale(sheet: Sheet, values: Sequence[int], *, least: int) -> Scale:
    """Return a scale that holds zero and all values. `least` is the smallest step that says
    anything, such as a cent.
    """
    low, high = min(0, *values, 0), max(0, *values, 0)
    base, index, step = least, 0, least
    while (high - low) > step * (TICKS_MAX - 1):
        step = base * (2, 5, 10)[index]
        index += 1
        if index == 3:
            base, index = base * 10, 0
    first, last = low // step, -(-high // step)
    if first == last:
        last += 1
    ticks = tuple(step * number for number in range(first, last + 1))
    return Scale(sheet, first * step, last * step, ticks)


def frame(marks: Scale, label: Callable[[int], str]) -> list[Shape]:
    """Return grid lines with their values."""
    shapes: list[Shape] = []
    sheet = marks.sheet
    for tick in marks.ticks:
        y = marks.y(tick)
        tone = "line" if tick else "zero"
        shapes.append(Path(points=((sheet.left, y), (sheet.right, y)), tone=tone, width=1))
        shapes.append(Text(x=sheet.left - 8, y=y + 4, text=label(tick), anchor="end"))
    return shapes


def clock(sheet: Sheet, since: datetime, until: datetime) -> list[Shape]:
    """Return the times below a chart, in UTC."""
    shapes: list[Shape] = []
    for number in range(sheet.times + 1):
        at = since + (until - since) * number // sheet.times
        last = number == sheet.times
        anchor = "start" if not number else "end" if last else "middle"
        text = "24:00" if last and at.hour == at.minute == 0 else f"{at:%H:%M}"
        x = sheet.x(number, sheet.times)
        shapes.append(Text(x=x, y=sheet.bottom + 20, text=text, anchor=anchor))
    return shapes
