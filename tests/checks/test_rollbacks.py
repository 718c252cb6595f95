"""Going down: halted first, each step recorded, and no failure stops what comes after it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError

from checks.models import Rollback, RollbackStep
from checks.selectors.rollbacks import STEPS, rollback_dict
from checks.services import rollbacks
from checks.services.rollbacks import RollbackNotKept, carry_on, roll_back
from polyarb_site.audit.models import AuditEvent
from tests.api.building import make_session, make_set
from tests.checks.granting import go_live, make_evaluation
from tests.checks.rollback_actor import channel, finish, no_backup, order
from tests.conftest import NOON
from trading import kill_file
from trading.models import EngineSession, Incident, Mandate, Order
from trading.selectors.closing import SILENT_AFTER
from trading.services import Invalid, NotPermitted, ServiceRefused, resume

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
REASON = "the fills look wrong"


@pytest.fixture
def live(mandate):
    go_live(mandate, at=NOON - timedelta(days=3))
    return mandate


@pytest.fixture
def quick(monkeypatch):
    """A backup that takes no time, and a channel to be told by."""
    channel()
    return no_backup(monkeypatch)


def asked(**more):
    return roll_back("main", **{"by_name": "test", "reason": REASON, "at": NOON, **more})


def states(row):
    return {step.name: step.state for step in row.steps.order_by("order")}


class TestBeginning:
    def test_trading_is_halted_before_anything_is_written_down(self, live, settings, monkeypatch):
        seen = []

        def look(*args, **kwargs):
            seen.append(kill_file.is_set(settings.KILL_FILE))
            raise DatabaseError("gone")

        monkeypatch.setattr(rollbacks, "_create", look)
        with pytest.raises(RollbackNotKept, match="trading is halted"):
            asked()

        assert seen == [True]
        assert Mandate.objects.get().halted

    def test_with_the_database_down_the_kill_file_still_halts(self, live, settings, monkeypatch):
        def down(*args, **kwargs):
            raise DatabaseError("gone")

        for place in ("checks.services.rollbacks", "trading.services.halting"):
            monkeypatch.setattr(f"{place}.find_mandate", down)
        monkeypatch.setattr("trading.services.halting.ensure_mandate", down)
        with pytest.raises(RollbackNotKept):
            asked()

        assert kill_file.read(settings.KILL_FILE).code == "ROLLBACK"

    def test_it_is_written_down_with_its_steps_in_order(self, live):
        verdict = make_evaluation(scope="KILL", daily_loss="FAIL").verdicts.get()
        row = asked(cause="KILL_CRITERION", verdicts=[verdict])

        assert (row.phase_from, row.phase_to, row.venue) == (1, 0, "simulator")
        assert [step.name for step in row.steps.order_by("order")] == list(STEPS)
        assert set(states(row).values()) == {"WAITING"}
        assert row.evidence["verdicts"][0]["value"] == "6.00"
        assert row.evidence["mandate"]["phase"] == 1
        assert list(row.verdicts.all()) == [verdict]
        actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
        assert actions == ["mandate.halt", "rollback.start"]

    def test_while_one_is_under_way_it_is_that_one(self, live):
        first = asked()
        second = asked(reason="again")

        assert second == first
        assert AuditEvent.objects.filter(action="mandate.halt").count() == 1

    @pytest.mark.parametrize("to", [1, 2, -1, 4])
    def test_up_is_no_way_down_and_halts_nothing(self, live, to):
        with pytest.raises(Invalid, match=r"is not below|there is no phase (-1|4) to go down to"):
            asked(to=to)
        assert not AuditEvent.objects.filter(action="mandate.halt").exists()

    def test_it_goes_further_down_where_that_is_said(self, mandate):
        go_live(mandate, phase=3)

        assert asked(to=1).phase_to == 1

    @pytest.mark.parametrize("name", ["operator", "approver", "admin_user"])
    def test_each_of_these_may(self, live, request, name):
        person = request.getfixturevalue(name)
        row = asked(by=person, by_name="")

        assert (row.by, row.by_name) == (person, person.username)

    def test_a_viewer_may_not_and_a_reason_is_needed(self, live, viewer, settings):
        with pytest.raises(NotPermitted):
            asked(by=viewer, by_name="")
        with pytest.raises(Invalid):
            asked(reason=" ")
        assert not kill_file.is_set(settings.KILL_FILE)


class TestCarryingOn:
    def test_every_step_is_done_and_the_phase_is_lower(self, live, clock, quick):
        row = finish(asked(), clock)

        assert row.state == "FINISHED", rollback_dict(row)
        assert set(states(row).values()) == {"DONE"}
        live.refresh_from_db()
        assert (live.phase, live.mode, live.desired, live.grant) == (0, "SHADOW", "STOP", {})
        assert (live.halt_code, live.halted_by) == ("ROLLBACK", "test")
        incident = Incident.objects.get()
        assert row.incident == incident
        assert (incident.kind, incident.state, incident.opened_at) == ("ROLLBACK", "OPEN", NOON)
        assert incident.evidence["last"]["rollback"] == row.pk
        assert incident.title == f"rolled back from phase 1 to 0 because {REASON}"
        assert quick == [f"rollback {row.pk} of account main"]
        told = channel().delivery_set.get()
        assert (told.kind, told.level) == ("NOTICE", "CRITICAL")
        assert "rolled back from phase 1 to 0 because" in told.title

    def test_the_audit_has_each_step(self, live, clock, quick):
        finish(asked(), clock)

        steps = AuditEvent.objects.filter(action="rollback.step").order_by("sequence")
        assert [event.after["step"] for event in steps] == list(STEPS)
        ends = AuditEvent.objects.get(action="rollback.finish")
        assert ends.after["state"] == "FINISHED"
        assert AuditEvent.objects.filter(action="mandate.step_down").count() == 1

    def test_carried_on_again_nothing_more_happens(self, live, clock, quick):
        row = finish(asked(), clock)
        before = AuditEvent.objects.count()
        again = finish(row, clock)

        assert again.state == "FINISHED"
        assert AuditEvent.objects.count() == before

    def test_nobody_else_carries_on_the_same_one(self, live, clock, quick):
        row, told = asked(), []

        def meanwhile(step):
            if step.state == "RUNNING":
                told.append((step.name, finish(Rollback.objects.get(), clock).state))

        finish(row, clock, on_step=meanwhile)
        assert told == [(name, "RUNNING") for name in STEPS]

    def test_until_its_end_nobody_resumes(self, live, clock, quick, operator):
        row = asked()
        with pytest.raises(ServiceRefused, match=f"rollback {row.pk} is under way"):
            resume("main", by=operator, reason="go on")
        finish(row, clock)
        with pytest.raises(ServiceRefused, match="incident"):
            resume("main", by=operator, reason="go on")

    def test_a_process_that_is_to_stop_leaves_the_rest_to_the_next(self, live, clock, quick):
        order(make_session(live.profile, mode="LIVE", feed="simulator", phase=1))
        row = finish(asked(), clock, should_stop=lambda: True)
        assert row.state == "RUNNING"
        assert (states(row)["HALT"], states(row)["CANCEL"]) == ("DONE", "RUNNING")

        assert finish(row, clock).state == "FINISHED_WITH_FAILURES"
        step = row.steps.get(name="CANCEL")
        assert (step.attempts, step.started_at) == (2, NOON)


class TestPhase0:
    def test_trading_stops_an_incident_is_opened_and_the_phase_stays(self, mandate, clock, quick):
        row = finish(asked(), clock)

        assert states(row) == {"HALT": "DONE", "INCIDENT": "DONE", "ALERT": "DONE"}
        mandate.refresh_from_db()
        assert (mandate.phase, mandate.halted) == (0, True)
        assert Incident.objects.get().title == f"stopped in phase 0 because {REASON}"
        assert quick == []

    def test_any_target_is_taken_for_phase_0(self, mandate):
        assert asked(to=2).phase_to == 0


class TestFailing:
    def test_a_failed_step_does_not_stop_the_later_ones(self, live, clock, monkeypatch, quick):
        def broken(*args, **kwargs):
            raise OSError("the disk is full")

        monkeypatch.setattr("checks.services.rollback_steps.take_incident_backup", broken)
        row = finish(asked(), clock)

        assert row.state == "FINISHED_WITH_FAILURES"
        failed = row.steps.get(state="FAILED")
        assert (failed.name, failed.detail) == ("BACKUP", "the disk is full")
        live.refresh_from_db()
        assert live.phase == 0
        assert "failed steps: BACKUP" in channel().delivery_set.get().payload["text"]

    def test_a_backup_that_failed_says_why(self, live, clock, monkeypatch, quick):
        no_backup(monkeypatch, state="FAILED", problem="a table differs")
        row = finish(asked(), clock)

        step = row.steps.get(state="FAILED")
        assert step.detail == "20260302_1200 is FAILED: a table differs"

    def test_nobody_to_tell_is_a_failure(self, live, clock, monkeypatch):
        no_backup(monkeypatch)
        row = finish(asked(), clock)

        assert row.steps.get(state="FAILED").detail.startswith("nobody was told")

    def test_a_step_in_which_processes_die_is_given_up(self, live, clock, quick):
        row = asked()
        row.steps.filter(name="BACKUP").update(state="RUNNING", attempts=5, started_at=NOON)
        row = finish(row, clock)

        step = row.steps.get(state="FAILED")
        assert (step.name, step.attempts) == ("BACKUP", 6)
        assert "given up after 5 attempts" in step.detail

    def test_a_bug_in_a_step_stops_the_carrier_and_after_some_the_step(
        self, live, clock, monkeypatch, quick
    ):
        def bug(*args, **kwargs):
            raise KeyError("x")

        monkeypatch.setattr("checks.services.rollback_steps.set_dry_run", bug)
        row = asked()
        for _ in range(5):
            with pytest.raises(KeyError):
                carry_on(row, clock=clock)
        row = finish(row, clock)
        assert [step.name for step in row.steps.filter(state="FAILED")] == ["DRY_RUN"]

    def test_a_step_is_not_ended_twice(self, live, clock, quick):
        """Whoever lost the lease while it was frozen comes too late, and changes nothing."""
        row = asked()

        def frozen(step):
            if step.name == "INCIDENT" and step.state == "RUNNING":
                RollbackStep.objects.filter(pk=step.pk).update(attempts=2)

        assert finish(row, clock, on_step=frozen).state == "RUNNING"
        assert states(row)["INCIDENT"] == "RUNNING"
        assert Incident.objects.count() == 1
        assert finish(row, clock).state == "FINISHED"
        assert Incident.objects.get().seen_count == 1


class TestOrders:
    @pytest.fixture
    def session(self, live):
        profile = live.profile
        return make_session(profile, mode="LIVE", feed="simulator", phase=1, state="HALTED")

    def test_it_waits_until_no_order_is_open(self, session, clock, quick):
        one = order(session)
        row = asked()

        def later(step):
            if step.name == "CANCEL" and step.state == "DONE":
                assert step.facts["open_orders"] == 0

        def cancelled():
            Order.objects.filter(pk=one.pk).update(state="CANCELLED")

        finish(row, clock, on_step=later, at={3: cancelled, 4: session_over(session)})
        assert row.steps.get(name="CANCEL").state == "DONE"

    @pytest.mark.parametrize("state", ["INTENT", "SUBMITTED", "RESTING", "UNKNOWN", "PARTIAL"])
    def test_what_may_be_open_is_named_when_the_time_is_over(self, session, clock, quick, state):
        order(session, state=state)
        row = finish(asked(), clock)

        step = row.steps.get(name="CANCEL")
        assert step.state == "FAILED"
        assert "1 order may still be open" in step.detail
        assert "the venue cancels by itself once its heartbeats stop" in step.detail
        assert step.facts["orders"][0]["state"] == state
        assert step.finished_at - step.started_at == 60 * SECOND

    def test_an_engine_that_has_not_said_it_is_halted_is_waited_for(self, session, clock, quick):
        """An order may leave between the halt and the moment in which the engine sees it."""
        EngineSession.objects.update(state="TRADING", heartbeat_at=NOON + timedelta(hours=1))
        row = finish(asked(), clock)

        step = row.steps.get(name="CANCEL")
        assert step.state == "FAILED"
        assert "has not said that it is halted" in step.detail

    def test_orders_of_other_money_do_not_count(self, session, clock, quick):
        profile = session.profile
        order(make_session(profile, 2, mode="LIVE", feed="polymarket", ended_at=NOON))
        order(make_session(profile, 3, mode="SHADOW", feed="simulator", ended_at=NOON))
        row = finish(asked(), clock)

        assert row.steps.get(name="CANCEL").state == "DONE"


class TestSets:
    @pytest.fixture
    def session(self, live):
        return make_session(live.profile, mode="LIVE", feed="simulator", phase=1, state="HALTED")

    @pytest.mark.parametrize(
        ("state", "waits_s"), [("ONE_MATCHED", 170), ("EXPOSED", 170), ("MERGING", 470)]
    )
    def test_what_is_left_is_named_when_the_legs_had_their_time(
        self, session, clock, quick, state, waits_s
    ):
        make_set(session, state=state, paper=False)
        row = finish(asked(), clock)

        step = row.steps.get(name="CLOSE")
        assert step.state == "FAILED"
        assert step.finished_at - step.started_at == waits_s * SECOND
        half = state != "MERGING"
        assert step.facts["half_filled"] == half
        assert ("still lack a leg" in step.detail) is half

    @pytest.mark.parametrize(
        ("realised_micro", "good"), [(-100_000, True), (-9_000_000, False), (None, False)]
    )
    def test_a_set_that_was_sold_back_lost_no_more_than_it_may(
        self, session, clock, quick, realised_micro, good
    ):
        one = make_set(session, state="UNWINDING", paper=False)

        def ends():
            one.state, one.realised_micro = "UNWOUND", realised_micro
            one.moved_at = clock.now()
            one.save()

        row = finish(asked(), clock, at={5: ends})
        step = row.steps.get(name="CLOSE")
        assert (step.state == "DONE") is good
        assert step.facts["ended"][0]["realised_micro"] == realised_micro

    def test_paper_and_other_venues_do_not_count(self, session, clock, quick):
        other = make_session(session.profile, 2, mode="SHADOW", feed="simulator", ended_at=NOON)
        make_set(other, state="ONE_MATCHED")
        row = finish(asked(), clock)

        assert row.steps.get(name="CLOSE").state == "DONE"


class TestEngine:
    def test_its_end_is_waited_for(self, live, clock, quick):
        session = make_session(live.profile, mode="LIVE", feed="simulator", phase=1)
        EngineSession.objects.update(state="HALTED", heartbeat_at=NOON + timedelta(hours=1))
        row = finish(asked(), clock, at={4: session_over(session)})

        step = row.steps.get(name="DRY_RUN")
        assert step.state == "DONE"
        assert step.finished_at > step.started_at

    def test_one_that_does_not_end_is_a_failure(self, live, clock, quick):
        make_session(live.profile, mode="LIVE", feed="simulator", phase=1)
        EngineSession.objects.update(state="HALTED", heartbeat_at=NOON + timedelta(hours=1))
        row = finish(asked(), clock)

        step = row.steps.get(name="DRY_RUN")
        assert step.state == "FAILED"
        assert "it was asked to end" in step.detail
        live.refresh_from_db()
        assert live.phase == 0

    def test_a_dead_one_is_not_waited_for(self, live, clock, quick):
        make_session(
            live.profile, mode="LIVE", feed="simulator", heartbeat_at=NOON - SILENT_AFTER - SECOND
        )
        row = finish(asked(), clock)

        step = row.steps.get(name="DRY_RUN")
        assert step.state == "DONE"
        assert "is silent" in step.detail


def session_over(session):
    def end():
        EngineSession.objects.filter(pk=session.pk).update(state="STOPPED", ended_at=NOON)

    return end
