"""What people do with alerts, and the table of moves."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.models import Alert, AlertMove
from alerts.rules.evaluate import Judgement, Verdict
from alerts.rules.states import ALLOWED_MOVES, State, next_state
from alerts.selectors.counts import alert_counts
from alerts.selectors.rules import rules_in_force
from alerts.services.judging import Subject, apply_judgement, open_alert
from alerts.services.moves import find_alert, move
from alerts.services.states import acknowledge, comment, resolve, unacknowledge
from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.conftest import NOON
from tests.helpers.clocks import to_ns
from trading.services import Invalid, NotFound, NotPermitted, ServiceRefused

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def judgement(verdict, reason="ws_connected is false"):
    return Judgement(
        verdict=verdict,
        value="false",
        bound="ws_connected == false",
        since_ns=0,
        due_ns=0,
        reason=reason,
    )


FIRING, QUIET = judgement(Verdict.FIRING), judgement(Verdict.QUIET, "ws_connected is true")
PENDING, UNKNOWN = judgement(Verdict.PENDING), judgement(Verdict.UNKNOWN, "it is not known")


@pytest.fixture
def subject(rules, account):
    revision, rule = rules_in_force()["WS_DISCONNECTED"]  # cooldown 60 s
    return Subject(account=account, revision=revision, rule=rule)


@pytest.fixture
def firing(subject):
    return apply_judgement(subject, FIRING, NOON)


def after(subject, *steps):
    """Apply judgements at so many seconds after noon; return the newest alert."""
    for second, judged in steps:
        apply_judgement(subject, judged, NOON + second * SECOND)
    return Alert.objects.order_by("-id").first()


def moves(alert):
    rows = AlertMove.objects.filter(alert=alert).order_by("sequence")
    return [(row.state_from, row.state_to) for row in rows]


class TestTable:
    def test_only_the_moves_of_the_table_are_made(self, firing):
        for was, to in itertools.product(State, State):
            Alert.objects.update(state=was.value)
            seen = Alert.objects.get()
            how = {"by": None, "by_name": "test", "comment": "", "at": NOON}
            if to in ALLOWED_MOVES[was]:
                assert move(seen, to, {}, **how).state == to
            else:
                with pytest.raises(ValueError, match="does not move"):
                    move(seen, to, {}, **how)
                assert Alert.objects.get().state == was

    def test_every_verdict_in_every_state_has_one_answer(self):
        for state, verdict in itertools.product([None, *State], Verdict):
            target = next_state(state, verdict)
            assert target is None or state is None or target in ALLOWED_MOVES[state]

    def test_a_move_of_what_somebody_else_moved_is_refused(self, firing):
        seen = find_alert(firing.pk)
        how = {"by": None, "by_name": "test", "comment": "mine", "at": NOON}
        acknowledge(firing, **how)
        with pytest.raises(ServiceRefused, match="changed this meanwhile"):
            move(seen, State.RESOLVED, {}, **how)


class TestVerdicts:
    def test_pending_becomes_firing_and_each_step_is_kept(self, subject):
        alert = after(subject, (0, PENDING), (5, PENDING), (10, FIRING))
        assert moves(alert) == [("", "PENDING"), ("PENDING", "FIRING")]
        assert (alert.count, alert.fired_at) == (1, NOON + 10 * SECOND)
        assert alert.opened_at == NOON

    def test_pending_that_ends_fired_never(self, subject):
        alert = after(subject, (0, PENDING), (5, QUIET), (35, QUIET))
        assert moves(alert) == [("", "PENDING"), ("PENDING", "RESOLVED")]
        assert alert.fired_at is None

    def test_l4_flapping_that_never_lasts_for_its_window_is_one_alert_too(self, subject):
        steps = [(second, PENDING if second % 2 else QUIET) for second in range(100)]
        alert = after(subject, *steps)
        assert Alert.objects.count() == 1
        assert (alert.state, alert.count, alert.quiet_since) == ("PENDING", 0, None)
        assert moves(alert) == [("", "PENDING")]

    def test_what_flapped_before_it_fires_says_since_when_it_has_been_bad(self, subject):
        later = replace(PENDING, since_ns=to_ns(NOON + 3 * SECOND))
        alert = after(subject, (0, PENDING), (2, QUIET), (3, later), (13, FIRING))
        assert (alert.opened_at, alert.fired_at) == (NOON + 3 * SECOND, NOON + 13 * SECOND)
        assert alert.quiet_since is None

    def test_it_ends_only_after_it_was_quiet_for_a_while(self, subject):
        alert = after(subject, (0, FIRING), (1, QUIET), (30, QUIET))
        assert alert.state == "FIRING"
        alert = after(subject, (31, QUIET))
        assert (alert.state, alert.resolved_at) == ("RESOLVED", NOON + 31 * SECOND)

    def test_l4_flapping_is_one_alert_with_a_count(self, subject):
        steps = [(second, FIRING if second % 2 else QUIET) for second in range(100)]
        alert = after(subject, *steps)
        assert Alert.objects.count() == 1
        assert (alert.state, alert.count) == ("FIRING", 50)
        assert moves(alert) == [("", "FIRING")]

    def test_l4_what_fires_again_within_its_cooldown_is_the_same_alert(self, subject):
        alert = after(subject, (0, FIRING), (1, QUIET), (31, QUIET), (90, FIRING))
        assert Alert.objects.count() == 1
        assert (alert.state, alert.count, alert.resolved_at) == ("FIRING", 2, None)

    def test_what_fires_after_its_cooldown_is_another_alert(self, subject):
        after(subject, (0, FIRING), (1, QUIET), (31, QUIET), (91, FIRING))
        assert Alert.objects.count() == 2

    def test_l7_what_is_not_known_any_more_stays_and_says_so(self, subject, operator):
        alert = after(subject, (0, FIRING))
        acknowledge(alert, by=operator, comment="on it", at=NOON)
        alert = after(subject, (60, UNKNOWN), (3_600, UNKNOWN))
        assert (alert.state, alert.unknown, alert.reason) == ("ACKED", True, "it is not known")

    def test_what_somebody_has_stays_theirs_while_it_flaps(self, subject, operator):
        alert = after(subject, (0, FIRING))
        acknowledge(alert, by=operator, comment="on it", at=NOON)
        alert = after(subject, (1, QUIET), (20, FIRING), (21, QUIET), (40, FIRING))
        assert (alert.state, alert.acked_by, alert.count) == ("ACKED", "otto", 3)
        alert = after(subject, (41, QUIET), (71, QUIET))
        assert (alert.state, alert.acked_by) == ("RESOLVED", "otto")


class TestPeople:
    def test_who_acknowledges_is_kept_with_what_they_said(self, firing, operator):
        alert = acknowledge(firing, by=operator, comment="I look at the venue", at=NOON)
        assert (alert.state, alert.acked_by, alert.ack_comment) == (
            "ACKED",
            "otto",
            "I look at the venue",
        )
        event = AuditEvent.objects.latest("sequence")
        assert (event.action, event.target) == ("alert.acknowledge", f"alert:{alert.pk}")
        line = AlertMove.objects.latest("sequence")
        assert (line.by, line.by_name, line.comment) == (operator, "otto", "I look at the venue")

    def test_it_can_be_given_back(self, firing, operator):
        acknowledge(firing, by=operator, comment="mine", at=NOON)
        alert = unacknowledge(firing, by=operator, comment="I have to leave", at=NOON)
        assert (alert.state, alert.acked_by, alert.acked_at) == ("FIRING", "", None)
        assert moves(alert)[-1] == ("ACKED", "FIRING")

    def test_what_nobody_may_or_says_is_refused_and_changes_nothing(self, firing, viewer, operator):
        with pytest.raises(NotPermitted):
            acknowledge(firing, by=viewer, comment="hello", at=NOON)
        with pytest.raises(Invalid, match="needs a comment"):
            acknowledge(firing, by=operator, comment="  ", at=NOON)
        with pytest.raises(ServiceRefused, match="nobody has acknowledged"):
            unacknowledge(firing, by=operator, comment="mine", at=NOON)
        acknowledge(firing, by=operator, comment="mine", at=NOON)
        with pytest.raises(ServiceRefused, match="is acknowledged"):
            acknowledge(firing, by=operator, comment="also mine", at=NOON)
        assert AuditEvent.objects.filter(action__startswith="alert.").count() == 1
        with pytest.raises(NotFound):
            find_alert(firing.pk + 1)

    def test_it_cannot_be_resolved_while_it_is_bad(self, firing, subject, operator):
        with pytest.raises(ServiceRefused) as caught:
            resolve(firing, by=operator, note="done", at=NOON)
        assert caught.value.code == "STILL_BAD"
        after(subject, (1, QUIET))
        alert = resolve(firing, by=operator, note="the cable", at=NOON + SECOND)
        assert (alert.state, alert.resolve_note) == ("RESOLVED", "the cable")
        assert open_alert(subject) is None

    def test_a_note_can_be_written_after_it_ended(self, subject, operator):
        alert = after(subject, (0, FIRING), (1, QUIET), (31, QUIET))
        alert = resolve(alert, by=operator, note="it was the router", at=NOON + 60 * SECOND)
        assert (alert.state, alert.resolve_note) == ("RESOLVED", "it was the router")

    def test_comments_are_lines_of_its_history(self, firing, operator):
        comment(firing, by=operator, text="called the provider", at=NOON)
        assert moves(firing)[-1] == ("FIRING", "FIRING")

    def test_a_key_that_somebody_types_is_not_kept(self, firing, operator):
        key = "0x" + "ab" * 32
        acknowledge(firing, by=operator, comment=f"the key is {key}", at=NOON)
        told = str(list(AlertMove.objects.values())) + str(list(OutboxMessage.objects.values()))
        assert key not in told + str(list(Alert.objects.values()))


class TestTelling:
    def test_pages_are_told_with_the_counts(self, firing, account):
        payload = OutboxMessage.objects.filter(topic="alerts").latest("id").payload
        assert (payload["what"], payload["alert"]) == ("alert.firing", firing.pk)
        assert payload["counts"]["critical"] == 1
        assert payload["counts"]["reason"] == "no rule has been judged yet"

    def test_counts_know_who_watches(self, firing, account):
        from alerts.models import Watch

        watch = Watch.objects.create(name="JUDGE", beat_at=NOON)
        assert alert_counts(account, NOON + 30 * SECOND)["reason"] is None
        assert alert_counts(account, NOON + 31 * SECOND)["reason"] == "watch silent 31 s"
        watch.delete()
