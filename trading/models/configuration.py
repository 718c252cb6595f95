"""Profiles: immutable revisions of what the engine may do."""

from django.conf import settings
from django.db import models


class Profile(models.Model):
    """One immutable revision of one profile over the base configuration.

    `values` holds every key of the schema as text, exactly as the files do; `sha256` is of their
    canonical form. A revision is never changed: applying, editing and rolling back make new ones.
    """

    name = models.CharField(max_length=80, db_index=True)
    revision = models.PositiveIntegerField()
    values = models.JSONField()
    base_values = models.JSONField(default=dict)  # the base configuration it was made over
    sha256 = models.CharField(max_length=64, db_index=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    author_name = models.CharField(max_length=150)  # outlives the account
    reason = models.CharField(max_length=500)
    source = models.CharField(max_length=200, blank=True)  # file or "admin", "rollback to 3"
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "-revision")
        constraints = [
            models.UniqueConstraint(fields=("name", "revision"), name="profile_revision_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} r{self.revision}"
