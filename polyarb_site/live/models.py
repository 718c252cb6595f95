"""What open pages are told: an outbox written in the same transaction as the change itself."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Func
from django.db.models.sql.compiler import SQLCompiler

_Sql = tuple[str, tuple[Any, ...]]


class TransactionId(Func):
    """The number of the running transaction on PostgreSQL, 0 where only one writes at a time.

    A default of the database, so that every way of inserting a row gets it.
    """

    output_field = models.BigIntegerField()
    arity = 0

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002 - Django's own signature
        connection: BaseDatabaseWrapper,  # noqa: ARG002
        *_: Any,
        **__: Any,
    ) -> _Sql:
        """Return the constant for a database with one writer."""
        return "0", ()

    def as_postgresql(self, *_: Any, **__: Any) -> _Sql:
        """Return the transaction's own number."""
        return "pg_current_xact_id()::text::bigint", ()


class OldestRunningTransaction(Func):
    """The lowest number of a transaction that may still write: rows below it are all there."""

    output_field = models.BigIntegerField()
    arity = 0

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002 - Django's own signature
        connection: BaseDatabaseWrapper,  # noqa: ARG002
        *_: Any,
        **__: Any,
    ) -> _Sql:
        """Return the lower bound as PostgreSQL knows it; nobody else is asked."""
        return "pg_snapshot_xmin(pg_current_snapshot())::text::bigint", ()


class OutboxMessage(models.Model):
    """One message for a group of pages. Pushes are hints: a page re-reads state when it connects.

    `topic` names the group: "state" (header and dashboard), "facts" (new rows), "alerts". Rows are
    read in the order of (xid, id): with several writers ids become visible out of order, and who
    reads by id alone loses the late ones.
    """

    topic = models.CharField(max_length=40)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_index=True)
    xid = models.BigIntegerField(db_default=TransactionId(), editable=False)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=("xid", "id"), name="outbox_in_order")]

    def __str__(self) -> str:
        return f"{self.id} {self.topic}"
