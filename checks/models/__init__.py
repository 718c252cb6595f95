"""Check runs, verdicts, promotions and rollbacks: why trading was allowed, and why it ended."""

from checks.models.drills import Drill
from checks.models.promotions import Approval, ApprovalSetting, Promotion
from checks.models.rollbacks import Rollback, RollbackStep
from checks.models.runs import Attestation, CheckResult, CheckRun
from checks.models.verdicts import CriterionVerdict, Evaluation

__all__ = [
    "Approval",
    "ApprovalSetting",
    "Attestation",
    "CheckResult",
    "CheckRun",
    "CriterionVerdict",
    "Drill",
    "Evaluation",
    "Promotion",
    "Rollback",
    "RollbackStep",
]
