"""The charts of a report: each asks a question in its title and answers it in a sentence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from polyarb_site.formats import count, micros, money, percent, plural, utc
from reports.render.axes import HALF, WHOLE, Scale, Sheet, clock, frame, scale
from reports.render.document import Chart
from reports.render.drawing import Drawing, Path, Point, Rect, Shape, Text

CENT = 10_000
LABEL_WIDTH, COUNT_WIDTH = 84, 76
ROW_HEIGHT = 34


def equity(part: Mapping[str, Any], since: datetime, until: datetime, noun: str) -> Chart:
    """Return what was realised over the time, with what it fell below its best."""
    found = part["realised"]
    points = list(found["points"])
    marks = scale(WHOLE, [*points, found["peak_micro"], found["low_micro"]], least=CENT)
    peaks, best = [], 0
    for micro in points:
        best = max(best, micro)
        peaks.append(best)
    line, top = _steps(points, marks), _steps(peaks, marks)
    shapes = [
        *frame(marks, money),
        Path(points=(*top, *reversed(line)), tone="loss", filled=True),
        Path(points=top, tone="peak", dashed=True, width=1),
        Path(points=line, tone="accent"),
        *clock(WHOLE, since, until),
    ]
    answer = f"Realised {money(found['total_micro'], sign=True)} {part['words']}."
    if found["drawdown_micro"]:
        answer += (
            f" The deepest drawdown was {money(found['drawdown_micro'])}, "
            f"at {_at(found['drawdown_at'])}."
        )
    elif found["total_micro"]:
        answer += " It never fell below its best."
    return _chart("equity", part, f"Did the {noun} make money, and how far did it fall?", answer,
                  shapes, sheet=WHOLE, spark=points)  # fmt: skip


def edges(part: Mapping[str, Any]) -> Chart | None:
    """Return expected against kept, set by set or in equal runs of sets; None without sets."""
    found = part["sets"]
    steps = [tuple(step) for step in found["steps"]]
    if not steps:
        return None
    marks = scale(HALF, [micro for _, *pair in steps for micro in pair], least=CENT)
    shapes: list[Shape] = frame(marks, money)
    for index, (sets, expected, kept) in enumerate(steps):
        left, right = HALF.x(index, len(steps)), HALF.x(index + 1, len(steps))
        width = min(max(2, (right - left) * 4 // 5), 60)
        start = (left + right - width) // 2
        what = plural(sets, "set")
        told = f"{what}: expected {money(expected)}, kept {money(kept)}"
        shapes.append(_bar(start, width, marks.y(0), marks.y(expected), "expected", told))
        inner = max(1, width // 2)
        tone = "bad" if kept < 0 else "accent"
        shapes.append(
            _bar(start + (width - inner) // 2, inner, marks.y(0), marks.y(kept), tone, told)
        )
    largest = max(sets for sets, _, _ in steps)
    each = "each bar is one set" if largest == 1 else f"each bar is {plural(largest, 'set')}"
    order = f"in the order they ended; {each}"
    shapes.append(Text(x=HALF.right, y=HALF.bottom + 20, text=order, anchor="end"))
    answer = f"Expected {money(found['expected_micro'])}, kept {money(found['kept_micro'])}"
    rate = found["kept_rate"]
    answer += f": {percent(rate, decimals=0)} of the edge." if rate is not None else "."
    return _chart("edges", part, "How much of the expected edge was kept?", answer, shapes)


def funnel(part: Mapping[str, Any]) -> Chart | None:
    """Return how far the gaps came; None when no gap was seen."""
    steps = part["funnel"]["steps"]
    if not steps[0]["number"]:
        return None
    shapes: list[Shape] = []
    room = HALF.right - LABEL_WIDTH - COUNT_WIDTH
    for index, step in enumerate(steps):
        y = HALF.top + index * ROW_HEIGHT
        width = max(2 if step["number"] else 0, step["permille"] * room // 1_000)
        shapes += [
            Text(x=LABEL_WIDTH - 12, y=y + 19, text=step["label"], anchor="end", tone="strong"),
            Rect(x=LABEL_WIDTH, y=y + 4, width=room, height=20, tone="track"),
            Rect(x=LABEL_WIDTH, y=y + 4, width=width, height=20, tone="accent",
                 title=f"{step['label']}: {count(step['number'])}"),
            Text(x=LABEL_WIDTH + room + 12, y=y + 19, text=count(step["number"]), tone="strong"),
        ]  # fmt: skip
    seen, merged = steps[0]["number"], steps[-1]["number"]
    reasons = part["funnel"]["reasons"]
    answer = f"Of {plural(seen, 'gap')} {count(merged)} ended as merged sets"
    answer += f"; most often: {reasons[0]['label'].lower()}." if reasons else "."
    return _chart("funnel", part, "How far did the gaps come?", answer, shapes)


def exposure(part: Mapping[str, Any], since: datetime, until: datetime) -> Chart | None:
    """Return the cost of what was held or pending; None when nothing was measured."""
    found = part["exposure"]
    parts: Sequence[int | None] = found["parts"]
    known = [micro for micro in parts if micro is not None]
    if not known:
        return None
    marks = scale(HALF, known, least=CENT)
    shapes: list[Shape] = frame(marks, money)
    for first, run in _runs(parts):
        line = _steps(run, marks, first=first, parts=len(parts))
        base = ((line[-1][0], marks.y(0)), (line[0][0], marks.y(0)))
        shapes.append(Path(points=(*line, *base), tone="held", filled=True))
        shapes.append(Path(points=line, tone="accent"))
    answer = f"At most {money(found['max_micro'])}"
    if found["max_micro"] and found["max_at"]:
        answer += f", at {_at(found['max_at'])}"
    answer += f"; {money(found['last_micro'])} at the end."
    return _chart("exposure", part, "How much was held or pending?", answer,
                  [*shapes, *clock(HALF, since, until)], spark=parts)  # fmt: skip


def latency(found: Mapping[str, Any]) -> Chart | None:
    """Return the distribution of decision times; None when nothing was decided."""
    shares, bounds = found["shares"], found["bounds_us"]
    if not found["decisions"]:
        return None
    used = [index for index, share in enumerate(shares) if share]
    first, last = max(0, used[0] - 1), min(len(shares) - 1, used[-1] + 1)
    shown = range(first, last + 1)
    highest, bottom = max(shares), HALF.bottom
    shapes: list[Shape] = [
        Path(points=((HALF.left, bottom), (HALF.right, bottom)), tone="zero", width=1)
    ]
    for place, index in enumerate(shown):
        left, right = HALF.x(place, len(shown)), HALF.x(place + 1, len(shown))
        height = max(1 if shares[index] else 0, shares[index] * (bottom - HALF.top - 24) // highest)
        middle, width = (left + right) // 2, (right - left) * 7 // 10
        name = _short(bounds[index]) if index < len(bounds) else f"> {_short(bounds[-1])}"
        slow = index >= len(bounds) or bounds[index] > 300_000
        shapes += [
            Rect(x=middle - width // 2, y=bottom - height, width=width, height=height,
                 tone="warn" if slow else "accent", title=f"{name}: {percent(shares[index])}"),
            Text(x=middle, y=bottom - height - 8, text=_part(shares[index]),
                 anchor="middle", tone="strong"),
            Text(x=middle, y=bottom + 20, text=name, anchor="middle"),
        ]  # fmt: skip
    answer = (
        f"Half of {plural(found['decisions'], 'decision')} took at most {micros(found['p50_us'])}, "
        f"95 of 100 at most {micros(found['p95_us'])}, 99 of 100 at most {micros(found['p99_us'])}."
    )
    whose = {"money": ""}
    return _chart("latency", whose, "How long did decisions take?", answer, shapes)


def _chart(
    key: str,
    part: Mapping[str, Any],
    title: str,
    answer: str,
    shapes: Sequence[Shape],
    *,
    sheet: Sheet = HALF,
    spark: Sequence[int | None] = (),
) -> Chart:
    name = f"{key}-{part['money']}".lower().rstrip("-")
    drawing = Drawing(width=sheet.width, height=sheet.height, shapes=tuple(shapes))
    return Chart(key=name, title=title, answer=answer, drawing=drawing, spark=tuple(spark))


def _steps(
    values: Sequence[int], marks: Scale, *, first: int = 0, parts: int = 0
) -> tuple[Point, ...]:
    """Return the line that stays at each value until its part ends."""
    parts = parts or len(values)
    points: list[Point] = []
    for index, micro in enumerate(values, first):
        y = marks.y(micro)
        points += [(marks.sheet.x(index, parts), y), (marks.sheet.x(index + 1, parts), y)]
    return tuple(points)


def _runs(parts: Sequence[int | None]) -> list[tuple[int, list[int]]]:
    """Return the unbroken runs of known values, each with its first place."""
    found: list[tuple[int, list[int]]] = []
    before: int | None = None
    for index, micro in enumerate(parts):
        if micro is not None:
            if before is None:
                found.append((index, []))
            found[-1][1].append(micro)
        before = micro
    return found


def _bar(x: int, width: int, zero: int, top: int, tone: str, title: str) -> Rect:
    return Rect(
        x=x, y=min(zero, top), width=width, height=max(1, abs(zero - top)), tone=tone, title=title
    )


def _at(text: str | None) -> str:
    return utc(datetime.fromisoformat(text))[11:] if text else ""


def _short(us: int) -> str:
    """Return a bound of the distribution, each of which is one digit and zeros."""
    for size, unit in ((1_000_000, "s"), (1_000, "ms"), (1, "µs")):
        if us >= size:
            return f"{us // size} {unit}"
    return f"{us} µs"


def _part(share: int) -> str:
    """Return a share of all decisions; what is there is never shown as nothing."""
    return "< 0.1 %" if 0 < share < 500 else percent(share, decimals=1)
