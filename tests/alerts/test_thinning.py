"""What is kept: everything that fired, and the rest for a while."""

from datetime import timedelta

import pytest

from alerts.models import Alert, AlertMove, Delivery
from alerts.selectors.rules import rules_in_force
from alerts.services.judging import Subject, apply_judgement
from alerts.services.thinning import PENDING_KEPT, SENT_KEPT, thin_alerts
from tests.alerts.test_states import FIRING, PENDING, QUIET
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_what_never_fired_goes_after_a_day_and_what_fired_stays(rules, account):
    for rule_id, judged in (("WS_DISCONNECTED", PENDING), ("LEG_EXPOSED", FIRING)):
        revision, rule = rules_in_force()[rule_id]
        subject = Subject(account=account, revision=revision, rule=rule)
        for second, one in ((0, judged), (1, QUIET), (40, QUIET)):
            apply_judgement(subject, one, NOON + second * SECOND)
    assert thin_alerts(NOON + PENDING_KEPT)["spells"] == 0
    assert thin_alerts(NOON + PENDING_KEPT + 60 * SECOND)["spells"] == 1
    assert Alert.objects.get().rule_id == "LEG_EXPOSED"
    assert AlertMove.objects.count() == 2
    assert thin_alerts(NOON + timedelta(days=4_000))["spells"] == 0


def test_messages_go_after_three_months_unless_they_wait(rules):
    for state in ("SENT", "WAITING", "EXPIRED"):
        Delivery.objects.create(
            key=state,
            kind="FIRING",
            state=state,
            level="CRITICAL",
            title="x",
            payload={},
            created_at=NOON,
            next_try_at=NOON,
            expires_at=NOON,
        )
    assert thin_alerts(NOON + SENT_KEPT)["messages"] == 0
    assert thin_alerts(NOON + SENT_KEPT + SECOND)["messages"] == 2
    assert Delivery.objects.get().state == "WAITING"
