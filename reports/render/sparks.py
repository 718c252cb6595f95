"""A curve as a picture the height of a line."""

from collections.abc import Sequence

from reports.render.drawing import Drawing, Path
from reports.render.svg import svg

WIDTH, HEIGHT, EDGE = 132, 28, 2


def spark_svg(points: Sequence[int], title: str) -> str:
    """Return a curve with its zero line; without points a line at zero."""
    values = [0, *points]
    low, high = min(values), max(values)
    span = (high - low) or 1

    def y(value: int) -> int:
        return HEIGHT - EDGE - (value - low) * (HEIGHT - 2 * EDGE) // span

    line = tuple(
        (index * WIDTH // max(1, len(values) - 1), y(value)) for index, value in enumerate(values)
    )
    tone = "good" if values[-1] > 0 else "bad" if values[-1] < 0 else "zero"
    base = ((WIDTH, y(0)), (0, y(0)))
    shapes = (
        Path(points=(*line, *base), tone=f"{tone}-soft", filled=True),
        Path(points=base, tone="line", width=1),
        Path(points=line, tone=tone, width=2),
    )
    return svg(Drawing(width=WIDTH, height=HEIGHT, shapes=shapes), title).replace(
        'class="rp-svg"', 'class="rp-spark"', 1
    )
