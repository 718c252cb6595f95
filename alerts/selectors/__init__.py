"""Reads about alerts that have two callers."""

from alerts.selectors.counts import alert_counts
from alerts.selectors.rules import RuleSet, rule_history, rules_in_force, rules_stamp

__all__ = ["RuleSet", "alert_counts", "rule_history", "rules_in_force", "rules_stamp"]
