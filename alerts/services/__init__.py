"""All writes about alerts. Each is one transaction with its audit record inside."""

from alerts.services.channels import find_channel, remove_channel, save_channel, test_channel
from alerts.services.rules import RuleImport, import_rules, save_rule
from alerts.services.silences import add_silence, end_silence, find_silence
from alerts.services.telling import tell_round

__all__ = [
    "RuleImport",
    "add_silence",
    "end_silence",
    "find_channel",
    "find_silence",
    "import_rules",
    "remove_channel",
    "save_channel",
    "save_rule",
    "tell_round",
    "test_channel",
]
