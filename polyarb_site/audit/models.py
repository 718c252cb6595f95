"""The audit: every change, with who, when, why, before and after. Append-only and hash-chained."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models


class AuditIsAppendOnlyError(Exception):
    """Somebody tried to change the audit. This exception should not be caught: it is a bug."""

    def __init__(self) -> None:
        super().__init__(
            "audit records are written by polyarb_site.audit.recorder.record alone, and never "
            "changed or removed; to correct one, record the correction"
        )


class AppendOnly(models.QuerySet["AuditEvent"]):
    """Refuses the shortcuts. The database's own triggers refuse what comes past them."""

    def update(self, **_values: Any) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnlyError

    def bulk_create(self, *_rows: Any, **_options: Any) -> NoReturn:
        """Refuse: the rows would stand outside the chain."""
        raise AuditIsAppendOnlyError

    def bulk_update(self, *_rows: Any, **_options: Any) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnlyError


class AuditEvent(models.Model):
    """One record. Names are kept as text too, so the record outlives the rows it speaks of.

    `sha256` covers the record and the `sha256` of the one before it, so an edited, removed or
    inserted record breaks the chain. Written by polyarb_site.audit.recorder in the same
    transaction as the change, never by a signal of the changed model.
    """

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    actor_name = models.CharField(max_length=150)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=60, db_index=True)
    target = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=1000, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_sha256 = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ("-sequence",)

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

    def save(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse: the recorder alone appends, with append()."""
        raise AuditIsAppendOnlyError

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse."""
        raise AuditIsAppendOnlyError

    def append(self) -> None:
        """Insert this record. Only the recorder calls it, who has numbered and hashed it."""
        if not self._state.adding:
            raise AuditIsAppendOnlyError
        self.save_base(force_insert=True)


class ChainCheck(models.Model):
    """One walk over all records: whether each is as it was written, and how the chain ends.

    `anchors` heads that were noted elsewhere were compared; `set_aside` more were noted before a
    restore took the audit back to an earlier record. Written by polyarb_site.audit.verifying.
    """

    at = models.DateTimeField(db_index=True, editable=False)
    whole = models.BooleanField(editable=False)
    checked = models.PositiveBigIntegerField(editable=False)  # records that hold
    head_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    broken_sequence = models.PositiveBigIntegerField(null=True, editable=False)
    fault = models.CharField(max_length=10, blank=True, editable=False)
    text = models.CharField(max_length=300, blank=True, editable=False)
    anchors = models.PositiveIntegerField(default=0, editable=False)
    set_aside = models.PositiveIntegerField(default=0, editable=False)
    took_ms = models.PositiveIntegerField(editable=False)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.checked} records {'whole' if self.whole else 'broken'}"
