"""The audit: one chain without gaps, in the change's own transaction, and never edited."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from polyarb_site import request_ids
from polyarb_site.audit.models import AuditEvent, AuditIsAppendOnlyError
from polyarb_site.audit.recorder import AuditOutsideTransactionError, record
from tests.conftest import NOON
from tests.helpers.audit import chain, note


@pytest.mark.django_db
class TestRecord:
    def test_keeps_who_what_why_before_and_after(self, operator):
        event = record(
            "mandate.halt",
            actor=operator,
            target="mandate:main",
            reason="odd fills",
            before={"halted": False},
            after={"halted": True},
            at=NOON,
        )
        row = AuditEvent.objects.get(pk=event.pk)

        assert (row.actor, row.actor_name, row.at) == (operator, "otto", NOON)
        assert (row.action, row.target, row.reason) == ("mandate.halt", "mandate:main", "odd fills")
        assert (row.before, row.after) == ({"halted": False}, {"halted": True})

    def test_outlives_the_account_and_still_verifies(self, operator):
        record("x", actor=operator, at=NOON)
        operator.delete()

        row = AuditEvent.objects.get()
        assert row.actor_name == "otto"
        assert chain().broken is None

    def test_carries_the_id_of_the_request(self):
        token = request_ids.current.set("abcdef123456")
        try:
            assert note().request_id == "abcdef123456"
        finally:
            request_ids.current.reset(token)
        assert note().request_id == ""

    def test_numbers_without_gap_and_chains(self):
        events = [note(reason=str(index)) for index in range(5)]

        assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
        assert events[0].previous_sha256 == ""
        for earlier, later in pairwise(events):
            assert later.previous_sha256 == earlier.sha256
        assert chain().checked == 5
        assert chain().head_sha256 == events[-1].sha256

    def test_what_is_rolled_back_leaves_no_gap(self):
        note()
        with transaction.atomic():
            note()
            transaction.set_rollback(True)
        note()

        assert list(AuditEvent.objects.values_list("sequence", flat=True)) == [2, 1]
        assert chain().broken is None

    def test_needs_somebody_and_an_action(self):
        with pytest.raises(ValueError, match="nobody is named"):
            record("x", actor=None)
        with pytest.raises(ValueError, match="1 to 60"):
            note("a" * 61)

    def test_too_long_texts_are_cut_and_marked(self):
        event = note(reason="r" * 5_000, target="t" * 5_000, actor_name="n" * 5_000)

        assert (len(event.reason), len(event.target), len(event.actor_name)) == (1_000, 200, 150)
        assert event.reason.endswith("...")
        assert chain().broken is None

    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "日本語", "\n\r\t", "'; DROP TABLE x; --"])
    def test_any_text_is_stored_and_verifies(self, text):
        note(reason=text, target=text, before={text: text}, after=[text])

        assert chain().broken is None

    @pytest.mark.parametrize("value", [0.1, {"a": [1.5]}, object(), {"x": b"1"}, float("nan")])
    def test_a_float_or_anything_but_plain_data_is_our_mistake(self, value):
        with pytest.raises(TypeError):
            note(after=value)

    def test_without_end_is_our_mistake(self):
        deep: dict[str, Any] = {}
        inner = deep
        for _ in range(50):
            inner["a"] = inner = {}
        with pytest.raises(ValueError, match="nested"):
            note(after=deep)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_raises_and_writes_nothing():
    with pytest.raises(AuditOutsideTransactionError):
        note()

    assert AuditEvent.objects.count() == 0


@pytest.mark.django_db
class TestAppendOnly:
    def test_the_model_refuses_to_be_saved_or_deleted(self):
        event = note()
        event.reason = "nicer"
        with pytest.raises(AuditIsAppendOnlyError):
            event.save()
        with pytest.raises(AuditIsAppendOnlyError):
            event.delete()
        with pytest.raises(AuditIsAppendOnlyError):
            event.append()
        with pytest.raises(AuditIsAppendOnlyError):
            AuditEvent(sequence=9).save()

    def test_the_query_set_refuses_too(self):
        event = note()
        rows = AuditEvent.objects
        for attempt in (
            lambda: rows.update(reason="nicer"),
            lambda: rows.filter(pk=event.pk).delete(),
            lambda: rows.bulk_create([event]),
            lambda: rows.bulk_update([event], ["reason"]),
            lambda: rows.create(sequence=7),
        ):
            with pytest.raises(AuditIsAppendOnlyError):
                attempt()

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_auditevent SET reason = 'nicer'",
            "UPDATE audit_auditevent SET sequence = 5",
            "DELETE FROM audit_auditevent",
            "DELETE FROM audit_auditevent WHERE sequence = 1",
        ],
    )
    def test_and_so_does_the_database_itself(self, statement):
        event = note(reason="odd fills")
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

        assert AuditEvent.objects.get().reason == "odd fills"
        assert AuditEvent.objects.get().pk == event.pk

    @pytest.mark.parametrize("column", ["sequence", "id"])
    def test_a_replacing_insert_is_no_way_around_it(self, column):
        if connection.vendor != "sqlite":
            return  # only SQLite knows the statement
        event = note(reason="odd fills")
        columns = [str(f.column) for f in AuditEvent._meta.concrete_fields]
        picked = [name for name in columns if not (column == "sequence" and name == "id")]
        copied = ", ".join("'nicer'" if name == "reason" else name for name in picked)
        if column == "id":
            copied = copied.replace("sequence", "sequence + 1")
        statement = (
            f"INSERT OR REPLACE INTO audit_auditevent ({', '.join(picked)}) "
            f"SELECT {copied} FROM audit_auditevent"
        )
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

        assert AuditEvent.objects.get(pk=event.pk).reason == "odd fills"

    def test_a_truncate_is_refused(self):
        if connection.vendor != "postgresql":
            return  # SQLite knows no TRUNCATE
        note()
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("TRUNCATE audit_auditevent")
