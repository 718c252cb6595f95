"""The tables of alerts: rules, what they raised, what mutes it, and who was told."""

from alerts.models.alerts import Alert, AlertMove
from alerts.models.channels import Channel, Delivery
from alerts.models.mutes import Silence
from alerts.models.rules import RuleRevision
from alerts.models.watches import Watch

__all__ = [
    "Alert",
    "AlertMove",
    "Channel",
    "Delivery",
    "RuleRevision",
    "Silence",
    "Watch",
]
