"""What a promotion is bound to, as it is in the rows now, and whether a grant still holds."""

from collections.abc import Mapping
from typing import Any

from checks.criteria.hashing import canonical_sha256
from checks.models import CheckRun, Evaluation, Promotion
from reports.selectors.backups import verified_sha256


def run_sha256(run: CheckRun) -> str:
    """Return the hash of a check run: what was asked, what each check saw, what was decided."""
    results = run.results.order_by("order").values(
        "check_id", "category", "priority", "status", "reason", "needed", "evidence"
    )
    return canonical_sha256(
        {
            "account": run.account,
            "phase": run.phase,
            "venue": run.venue,
            "category": run.category,
            "decision": run.decision,
            "profile_sha256": run.profile_sha256,
            "config_sha256": run.config_sha256,
            "software": run.software,
            "started_at": run.started_at.isoformat(),
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "results": list(results),
        }
    )


def evaluation_sha256(evaluation: Evaluation) -> str:
    """Return the hash of an evaluation: each criterion as it was judged, from what, and to what."""
    verdicts = evaluation.verdicts.order_by("order").values(
        *("kind", "criterion", "definition", "verdict", "value", "bound", "reason", "sample"),
        *("sample_min", "rows", "facts"),
    )
    return canonical_sha256(
        {
            "account": evaluation.account,
            "phase": evaluation.phase,
            "venue": evaluation.venue,
            "scope": evaluation.scope,
            "at": evaluation.at.isoformat(),
            "config_sha256": evaluation.config_sha256,
            "criteria_sha256": evaluation.criteria_sha256,
            "software": evaluation.software,
            "verdicts": list(verdicts),
        }
    )


def approvals_sha256(promotion: Promotion) -> str:
    """Return the hash of who said what to a promotion, and when."""
    approvals = promotion.approvals.order_by("id")
    return canonical_sha256(
        [
            {
                "by": row.by_name,
                "answer": row.answer,
                "comment": row.comment,
                "at": row.at.isoformat(),
                "binding_sha256": row.binding_sha256,
            }
            for row in approvals
        ]
    )


def changed_evidence(bound: Mapping[str, Any]) -> list[str]:
    """Return which of the bound check run, evaluation and backup is not what it was.

    Raises KeyError for a binding that lacks one of them.
    """
    problems = []
    run = CheckRun.objects.filter(pk=bound["check_run"]).first()
    if run is None or run_sha256(run) != bound["check_run_sha256"]:
        problems.append(f"check run {bound['check_run']} is not what it was")
    evaluation = Evaluation.objects.filter(pk=bound["evaluation"]).first()
    if evaluation is None or evaluation_sha256(evaluation) != bound["evaluation_sha256"]:
        problems.append(f"evaluation {bound['evaluation']} is not what it was")
    if verified_sha256(bound["backup"]) != bound["backup_sha256"]:
        problems.append(f"backup {bound['backup']} is not there, or is not what was verified")
    return problems


def broken(account: str, grant: Mapping[str, Any]) -> str:
    """Return why a grant in force is not what people agreed to, empty when it is.

    The engine asks this at its start and at each change of its mandate: settings.GRANT_GUARDS.
    """
    try:
        number, bound = grant["promotion"], dict(grant)
        promotion = Promotion.objects.filter(pk=number, account=account).first()
        if promotion is None or promotion.state != Promotion.State.CONSUMED:
            return f"promotion {number} is not in force"
        if any(bound.get(name) != value for name, value in promotion.binding.items()):
            return f"promotion {number} was for something else"
        if canonical_sha256(promotion.binding) != promotion.binding_sha256:
            return f"what promotion {number} is bound to was changed"
        if approvals_sha256(promotion) != bound["approvals_sha256"]:
            return f"the approvals of promotion {number} are not what they were"
        return "; ".join(changed_evidence(bound))
    except (KeyError, TypeError, ValueError) as error:
        return f"the grant cannot be compared ({type(error).__name__})"
