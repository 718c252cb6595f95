"""Evaluations with their verdicts, for doors."""

from datetime import datetime
from typing import Any

from checks.models import Evaluation
from checks.selectors.ladder import evaluation_dict, verdict_dict


def evaluation_answer(evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    """Return an evaluation with all its verdicts, in their order."""
    return {
        **evaluation_dict(evaluation, now),
        "account": evaluation.account,
        "phase": evaluation.phase,
        "venue": evaluation.venue,
        "phase_since": evaluation.phase_since.isoformat() if evaluation.phase_since else None,
        "verdicts": [
            {
                "kind": row.kind,
                "id": row.criterion,
                "text": row.definition.get("text", ""),
                "bound": row.bound,
                "sample_min": row.sample_min,
                **verdict_dict(row),
            }
            for row in evaluation.verdicts.order_by("order")
        ],
    }
