"""All writes by people and automation. Each is one transaction with its audit record inside.

A service that says no raises ServiceRefused and has changed nothing. `by` is the account that
asks, None for the machine itself (a command on the host, a job), which `by_name` then names.
"""

from trading.kill_file import halt_by_file_only
from trading.services.halting import HaltFailed, HaltResult, halt, resume
from trading.services.imports import ImportReport, import_profiles
from trading.services.mandates import ensure_mandate, reset_breaker, start_shadow, stop_engine
from trading.services.profiles import apply_profile, rollback_profile, save_profile
from trading.services.refusals import Invalid, NotFound, NotPermitted, ServiceRefused
from trading.services.revisions import base_config, config_of

__all__ = [
    "HaltFailed",
    "HaltResult",
    "ImportReport",
    "Invalid",
    "NotFound",
    "NotPermitted",
    "ServiceRefused",
    "apply_profile",
    "base_config",
    "config_of",
    "ensure_mandate",
    "halt",
    "halt_by_file_only",
    "import_profiles",
    "reset_breaker",
    "resume",
    "rollback_profile",
    "save_profile",
    "start_shadow",
    "stop_engine",
]
