"""One criterion as a row: words, marks, bars and links for what a verdict has stored."""

from fractions import Fraction
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checks.admin.sources import Asked
from checks.admin.windows import window_text
from checks.criteria.nearness import FULL, nearness_permille
from checks.models import CriterionVerdict, Evaluation
from checks.selectors.verdicts import Key
from polyarb_site import formats
from polyarb_site.templatetags import money

MARKS = {
    "PASS": ("Pass", "check_circle", "good"),
    "FAIL": ("Fail", "cancel", "bad"),
    "UNKNOWN": ("Unknown", "help", "warn"),
}
KINDS = {
    "SUCCESS": "Success criteria",
    "EXIT": "To leave the phase",
    "ENTRY": "To enter the next one",
    "KILL": "What ends the phase at once",
}
# Of a kill criterion PASS means that it is not met.
KILL_MARKS = {
    "PASS": ("Not met", "shield", "good"),
    "FAIL": ("Met", "cancel", "bad"),
    "UNKNOWN": ("Unknown", "help", "warn"),
}
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 96, 26, 3
NEAR_WARN, NEAR_BAD = 600, 900  # permille of the way to the bound
RANGES_MAX = 6  # of ids that are shown of one kind of row


def verdict_row(verdict: CriterionVerdict, past: dict[Key, list[int]]) -> dict[str, Any]:
    """Return what a template shows of one verdict."""
    kill = verdict.kind == CriterionVerdict.Kind.KILL
    said, icon, tone = (KILL_MARKS if kill else MARKS)[verdict.verdict]
    values = past.get((verdict.kind, verdict.criterion), [])
    return {
        "key": f"{verdict.kind}-{verdict.criterion}",
        "verdict": verdict.verdict,
        "kill": kill,
        "said": said,
        "icon": icon,
        "tone": tone,
        "name": name_of(verdict),
        "code": verdict.criterion,
        "value": value_tag(verdict),
        "bound": verdict.bound,
        "reason": verdict.reason,
        "window": window_text(_defined(verdict, "window")),
        "window_from": verdict.window_from,
        "window_to": verdict.window_to,
        "sample": verdict.sample,
        "sample_min": verdict.sample_min,
        "too_few": verdict.sample < verdict.sample_min,
        "spark": spark(values, f"{name_of(verdict)}: its last {len(values)} values"),
        "near": _near(verdict) if kill else None,
        "rows": row_links(verdict.rows),
    }


def rows_of(
    verdicts: list[CriterionVerdict], past: dict[Key, list[int]], *kinds: str
) -> list[dict[str, Any]]:
    """Return the groups of criteria that a phase shows, each with its verdicts."""
    return [
        {
            "kind": kind,
            "title": KINDS[kind],
            "rows": [verdict_row(one, past) for one in verdicts if one.kind == kind],
            "passed": sum(one.kind == kind and one.verdict == "PASS" for one in verdicts),
        }
        for kind in kinds
        if any(one.kind == kind for one in verdicts)
    ]


def asked_groups(criteria: list[Asked]) -> list[dict[str, Any]]:
    """Return the criteria of a phase that is not judged now, grouped as the judged ones are."""
    found = []
    for kind, title in KINDS.items():
        rows = [one for one in criteria if one["kind"] == kind]
        if rows:
            found.append({"kind": kind, "title": title, "rows": rows})
    return found


def name_of(verdict: CriterionVerdict) -> str:
    """Return what a criterion asks for, made from its id where the definition has no text."""
    text = _defined(verdict, "text")
    return str(text) if text else verdict.criterion.replace("_", " ").capitalize()


def value_tag(verdict: CriterionVerdict) -> SafeString:
    """Return the value with its unit, exact on hover; a dash with the reason when there is none."""
    text, micro, unit = verdict.value, verdict.value_micro, _defined(verdict, "unit")
    if not text and micro is None:
        return money.missing(verdict.reason)
    shown = text
    if micro is not None and unit == "dollars":
        shown = formats.money(micro, sign=True)
    elif micro is not None and unit == "percent":  # in parts of one
        shown = formats.percent(micro)
    elif micro is not None and unit == "days":
        shown = _days(micro)
    elif unit == "count":
        shown = f"{text} {str(_defined(verdict, 'metric') or '').replace('_', ' ')}".rstrip()
    return format_html('<span class="pa-num" title="{}">{}</span>', text or shown, shown)


def _days(micro: int) -> str:
    """Return days to the tenth, rounded down: nobody is told of a day that has not passed."""
    whole, tenth = divmod(micro // 100_000, 10)
    number = f"{whole}.{tenth}" if tenth else f"{whole}"
    return f"{number} day" if number == "1" else f"{number} days"


def evaluation_line(evaluation: Evaluation) -> dict[str, Any]:
    """Return what is said of an evaluation as a whole."""
    return {
        "row": evaluation,
        "took": formats.millis(evaluation.took_ms),
        "short": evaluation.sha256[:10],
    }


def spark(values: list[int], title: str) -> SafeString | str:
    """Return past values as a small curve, empty for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span, last = high - low, len(values) - 1
    height, width = SPARK_HEIGHT - 2 * SPARK_EDGE, SPARK_WIDTH - 2 * SPARK_EDGE

    def point(index: int, value: int) -> str:
        down = (high - value) * height // span if span else height // 2
        return f"{SPARK_EDGE + index * width // last},{SPARK_EDGE + down}"

    line = " ".join(point(index, value) for index, value in enumerate(values))
    end_x, end_y = point(last, values[-1]).split(",")
    return format_html(
        '<svg class="pa-gt-spark" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polyline points="{}"/><circle cx="{}" cy="{}" r="2.5"/></svg>',
        *(SPARK_WIDTH, SPARK_HEIGHT, title, line, end_x, end_y),
    )


def row_links(rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a verdict was computed from: by model, ranges of ids with their list."""
    found = []
    for label, ranges in sorted(rows.items()):
        app, _, model = label.partition(".")
        try:
            base = reverse(f"admin:{app}_{model.lower()}_changelist")
        except NoReverseMatch:
            base = ""
        pairs = [(one[0], one[-1]) if isinstance(one, list) else (one, one) for one in ranges]
        found.append(
            {
                "model": _words(model),
                "count": sum(last - first + 1 for first, last in pairs),
                "ranges": [
                    {
                        "text": f"{first}" if first == last else f"{first} to {last}",
                        "url": f"{base}?id__gte={first}&id__lte={last}" if base else "",
                    }
                    for first, last in pairs[:RANGES_MAX]
                ],
                "more": max(0, len(pairs) - RANGES_MAX),
            }
        )
    return found


def _near(verdict: CriterionVerdict) -> dict[str, Any] | None:
    """Return the bar of a kill criterion: which share of the way to its bound is gone."""
    bounds = _defined(verdict, "bounds")
    bound_micro = _micro(bounds[0]) if isinstance(bounds, list) and len(bounds) == 1 else None
    if verdict.value_micro is None or bound_micro is None:
        return None
    comparison, share = str(_defined(verdict, "comparison")), _defined(verdict, "unit") == "percent"
    permille = nearness_permille(verdict.value_micro, bound_micro, comparison, share=share)
    if permille is None:
        return None
    tone = "bad" if permille >= NEAR_BAD else "warn" if permille >= NEAR_WARN else ""
    left = "at its bound" if permille >= FULL else f"{permille // 10} % of the way to its bound"
    return {"permille": permille, "width": f"{permille // 10}.{permille % 10}", "tone": tone,
            "said": left}  # fmt: skip


def _defined(verdict: CriterionVerdict, key: str) -> Any:
    """Return what the criterion says of itself, None for what it does not say."""
    return verdict.definition.get(key) if isinstance(verdict.definition, dict) else None


def _micro(text: object) -> int | None:
    """Return a bound in millionths, rounded down; None for what is no number."""
    try:
        exact = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None
    return exact.numerator * formats.MICRO // exact.denominator


def _words(model: str) -> str:
    """Return a model's name as words: MetricSample is "metric sample"."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in model).strip()
