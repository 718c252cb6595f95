"""Drawings as inline SVG. Colours are classes; whoever shows the picture gives them a style."""

from html import escape

from reports.render.drawing import Drawing, Path, Point, Rect, Shape, Text


def svg(drawing: Drawing, title: str) -> str:
    """Return the picture as one line of SVG, which a screen reader reads as its title."""
    shapes = "".join(_shape(shape) for shape in drawing.shapes)
    return (
        f'<svg class="rp-svg" viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" aria-label="{escape(title)}">{shapes}</svg>'
    )


def _shape(shape: Shape) -> str:
    if isinstance(shape, Rect):
        return _rect(shape)
    if isinstance(shape, Text):
        return (
            f'<text x="{shape.x}" y="{shape.y}" text-anchor="{shape.anchor}" '
            f'class="rp-text rp-f-{shape.tone}">{escape(shape.text)}</text>'
        )
    return _path(shape)


def _rect(shape: Rect) -> str:
    place = f'x="{shape.x}" y="{shape.y}" width="{shape.width}" height="{shape.height}"'
    if not shape.title:
        return f'<rect {place} class="rp-f-{shape.tone}"/>'
    return f'<rect {place} class="rp-f-{shape.tone}"><title>{escape(shape.title)}</title></rect>'


def _path(shape: Path) -> str:
    points = _points(shape.points)
    if shape.filled:
        return f'<polygon points="{points}" class="rp-f-{shape.tone}"/>'
    dash = ' stroke-dasharray="4 4"' if shape.dashed else ""
    return (
        f'<polyline points="{points}" fill="none" stroke-width="{shape.width}"{dash} '
        f'class="rp-s-{shape.tone}"/>'
    )


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
