"""All writes by people and automation. Each is one transaction with its audit record inside.

A service that says no raises ServiceRefused and has changed nothing. `by` is the account that
asks, None for the machine itself (a command on the host, a job), which `by_name` then names.
"""

from trading.kill_file import halt_by_file_only
from trading.services.capital import record_capital
from trading.services.halting import HaltFailed, HaltResult, halt, resume
from trading.services.imports import ImportReport, import_profiles
from trading.services.incidents import resolve_incident, resume_obstacles
from trading.services.journals import JournalsRemoved, remove_old_journals
from trading.services.mandates import (
    ensure_mandate,
    reset_breaker,
    start_shadow,
    start_simulated,
    stop_engine,
)
from trading.services.profiles import apply_profile, rollback_profile, save_profile
from trading.services.reconciliations import Recorded, record_reconciliation
from trading.services.refusals import Invalid, NotFound, NotPermitted, ServiceRefused
from trading.services.revisions import base_config, config_of
from trading.services.wallet_checks import (
    ask_for_check,
    ask_for_regular_checks,
    thin_wallet_checks,
)

__all__ = [
    "HaltFailed",
    "HaltResult",
    "ImportReport",
    "Invalid",
    "JournalsRemoved",
    "NotFound",
    "NotPermitted",
    "Recorded",
    "ServiceRefused",
    "apply_profile",
    "ask_for_check",
    "ask_for_regular_checks",
    "base_config",
    "config_of",
    "ensure_mandate",
    "halt",
    "halt_by_file_only",
    "import_profiles",
    "record_capital",
    "record_reconciliation",
    "remove_old_journals",
    "reset_breaker",
    "resolve_incident",
    "resume",
    "resume_obstacles",
    "rollback_profile",
    "save_profile",
    "start_shadow",
    "start_simulated",
    "stop_engine",
    "thin_wallet_checks",
]
