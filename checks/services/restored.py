"""What a restore ends with: may trading start on what was put back?"""

from checks.models import CheckRun
from checks.services.runs import run_checks
from polyarb_site.commands import shell_name

UNKNOWN = "UNKNOWN"


def after_restore(account: str) -> tuple[str, str]:
    """Run the whole catalogue for the present phase; return its decision and why, in a sentence."""
    run = run_checks(account, by=None, by_name=f"restore_state ({shell_name()})")
    if run.state != CheckRun.State.FINISHED or not run.decision:
        return UNKNOWN, run.problem or "the run did not come to an end"
    return run.decision, run.sentence
