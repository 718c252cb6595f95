"""Figures as a document: the sentences first, then money, then how it was done, then the proof."""

from collections.abc import Mapping
from typing import Any

from reports.render import sections, words
from reports.render.document import Document
from reports.render.money_sections import money_sections, period_of

CURVE_EVERY = 6  # of the points of a day's curve, one each half hour


def document(figures: Mapping[str, Any]) -> Document:
    """Return the report that figures make. The same figures give the same report."""
    links = period_of(figures)
    noun = words.NOUNS[figures["kind"]]
    parts = figures["money"]
    alone = len(parts) == 1
    found = (
        sections.diagnosis(figures),
        *(s for part in parts for s in money_sections(part, links, noun, alone=alone)),
        sections.latency(figures, links),
        sections.configuration(figures, links),
        sections.alerts(figures),
        sections.reconciliation(figures, links),
        sections.events(figures, links),
        sections.audit(figures),
    )
    return Document(
        title=words.title(figures),
        subtitle=words.subtitle(figures),
        sentences=words.sentences(figures),
        charts=tuple(chart for section in found for chart in section.charts),
        sections=found,
    )


def summary(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a list of reports shows of each."""
    return {
        "sentences": list(words.sentences(figures)),
        "anomalies": [one["code"] for one in figures["anomalies"]],
        "idle": figures["idle"],
        "money": [
            {
                "money": part["money"],
                "label": part["label"],
                "realised_micro": part["realised"]["total_micro"],
                "drawdown_micro": part["realised"]["drawdown_micro"],
                "closed": part["sets"]["closed"],
                "win_rate": part["sets"]["win_rate"],
                "curve": part["realised"]["points"][CURVE_EVERY - 1 :: CURVE_EVERY],
            }
            for part in figures["money"]
        ],
    }
