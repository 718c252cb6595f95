"""Silences and maintenance windows: with an end, a reason, and somebody who may."""

from datetime import datetime, timedelta

import pytest

from alerts.models import Silence
from alerts.services.silences import add_silence, end_silence, find_silence
from polyarb_site.audit.models import AuditEvent
from tests.alerts.telling import HOUR, at, revision
from tests.conftest import NOON
from trading.services import Invalid, NotFound, NotPermitted, ServiceRefused

pytestmark = pytest.mark.django_db
FINE = {"reason": "the venue says so", "ends_at": NOON + HOUR}
WINDOW = {
    "kind": "MAINTENANCE",
    "reason": "the venue restarts on Tuesdays",
    "ends_at": NOON + 300 * 24 * HOUR,
    "weekdays": [1],
    "from_minute": 660,
    "minutes": 30,
}


class TestAdding:
    def test_begins_now_and_is_recorded(self, operator):
        row = add_silence(FINE, by=operator, at=NOON)
        assert (row.starts_at, row.ends_at, row.created_by) == (NOON, NOON + HOUR, "otto")
        event = AuditEvent.objects.get()
        assert (event.action, event.target) == ("silence.add", f"silence:{row.pk}")
        assert event.reason == "the venue says so"

    def test_takes_texts_as_a_door_has_them(self, operator):
        revision("LOW_BALANCE")
        values = {
            **FINE,
            "ends_at": "2026-03-02T14:00:00+01:00",
            "rule_ids": ["LOW_BALANCE"],
            "levels": ["WARNING", "CRITICAL"],
            "account": "main",
        }
        row = add_silence(values, by=operator, at=NOON)
        row.refresh_from_db()
        assert (row.ends_at, row.rule_ids) == (NOON + HOUR, ["LOW_BALANCE"])
        assert row.levels == ["CRITICAL", "WARNING"]

    def test_a_window_has_days_and_hours(self, operator):
        row = add_silence(WINDOW, by=operator, at=NOON)
        assert (row.weekdays, row.from_minute, row.minutes) == ([1], 660, 30)

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({**FINE, "reason": " "}, "reason"),
            ({**FINE, "reason": "x" * 501}, "reason"),
            ({**FINE, "ends_at": None}, "ends_at"),
            ({**FINE, "ends_at": "tomorrow"}, "ends_at"),
            ({**FINE, "ends_at": datetime(2026, 3, 3, 12)}, "ends_at"),  # noqa: DTZ001
            ({**FINE, "ends_at": NOON}, "ends_at"),
            ({**FINE, "ends_at": NOON + timedelta(days=31)}, "ends_at"),
            ({**FINE, "starts_at": NOON + 2 * HOUR}, "ends_at"),
            ({**FINE, "starts_at": NOON - 2 * HOUR, "ends_at": NOON - HOUR}, "ends_at"),
            ({**FINE, "rule_ids": ["NO_SUCH_RULE"]}, "rule_ids"),
            ({**FINE, "rule_ids": "ALL"}, "rule_ids"),
            ({**FINE, "levels": ["LOUD"]}, "levels"),
            ({**FINE, "account": "x" * 61}, "account"),
            ({**FINE, "kind": "FOREVER"}, "kind"),
            ({**FINE, "until": NOON}, "until"),
            ({**FINE, "minutes": 5}, "minutes"),
            ({**WINDOW, "weekdays": []}, "weekdays"),
            ({**WINDOW, "weekdays": [7]}, "weekdays"),
            ({**WINDOW, "minutes": 0}, "minutes"),
            ({**WINDOW, "minutes": 1_441}, "minutes"),
            ({**WINDOW, "from_minute": 1_440}, "from_minute"),
            ({**WINDOW, "ends_at": NOON + timedelta(days=367)}, "ends_at"),
        ],
    )
    def test_a_bad_field_is_named_and_nothing_is_muted(self, operator, values, field):
        with pytest.raises(Invalid) as caught:
            add_silence(values, by=operator, at=NOON)
        assert any(problem.startswith(field) for problem in caught.value.problems)
        assert not Silence.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_all_that_is_wrong_is_said_at_once(self, operator):
        with pytest.raises(Invalid) as caught:
            add_silence({"levels": ["LOUD"]}, by=operator, at=NOON)
        assert len(caught.value.problems) == 3

    def test_is_not_for_viewers(self, viewer):
        with pytest.raises(NotPermitted):
            add_silence(FINE, by=viewer, at=NOON)


class TestEnding:
    @pytest.fixture
    def silence(self, operator):
        return add_silence(FINE, by=operator, at=NOON)

    def test_says_who_and_why(self, silence, admin_user):
        row = end_silence(silence, by=admin_user, reason="it is mended", at=at(60))
        assert (row.ended_by, row.ended_at) == ("adam", at(60))
        event = AuditEvent.objects.order_by("sequence").last()
        assert (event.action, event.reason) == ("silence.end", "it is mended")

    def test_happens_once(self, silence, operator):
        end_silence(silence, by=operator, reason="it is mended", at=at(60))
        with pytest.raises(ServiceRefused, match="ended already"):
            end_silence(silence, by=operator, reason="again", at=at(61))
        silence.refresh_from_db()
        assert silence.ended_at == at(60)

    def test_what_ended_by_itself_cannot_be_ended(self, silence, operator):
        with pytest.raises(ServiceRefused, match="ended already"):
            end_silence(silence, by=operator, reason="late", at=NOON + HOUR)

    def test_needs_a_reason_and_the_role(self, silence, operator, viewer):
        with pytest.raises(Invalid, match="reason"):
            end_silence(silence, by=operator, reason="", at=at(60))
        with pytest.raises(NotPermitted):
            end_silence(silence, by=viewer, reason="please", at=at(60))


def test_a_number_finds_it_and_nothing_is_a_refusal(operator):
    row = add_silence(FINE, by=operator, at=NOON)
    assert find_silence(row.pk) == row
    for number in (0, -1, row.pk + 1, 2**70):
        with pytest.raises(NotFound):
            find_silence(number)
