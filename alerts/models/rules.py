"""Rules as immutable revisions; the newest one of an id is in force."""

from django.db import models


class RuleRevision(models.Model):
    """One state of a rule, as somebody saved it. Never changed and never removed."""

    rule_id = models.CharField(max_length=40, editable=False)
    revision = models.PositiveIntegerField(editable=False)
    values = models.JSONField(editable=False)  # see alerts.rules.parse
    sha256 = models.CharField(max_length=64, editable=False)
    author_name = models.CharField(max_length=150, editable=False)
    reason = models.CharField(max_length=500, editable=False)
    source = models.CharField(max_length=120, blank=True, editable=False)  # a file's name
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("rule_id", "-revision")
        verbose_name = "rule"
        permissions = [("save_rule", "Can save and import alert rules")]
        constraints = [
            models.UniqueConstraint(fields=("rule_id", "revision"), name="rule_revision_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} r{self.revision}"
