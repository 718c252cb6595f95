"""The ladder as page, REST door and command show it, and the jobs behind it."""

import json
from datetime import timedelta

import pytest

from checks import tasks
from checks.models import CheckRun, Evaluation, Rollback
from checks.selectors.ladder import ladder
from checks.services import thinning
from checks.services.evaluations import evaluate
from checks.services.thinning import thin_evaluations
from tests.checks import s1_facts as made
from tests.checks.s1_facts import DAY, HOUR, MINUTE, NOW
from tests.conftest import make_profile
from tests.helpers.commands import run_command
from trading.models import EngineSession, Mandate
from trading.services import NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def shadow(profile):
    return made.a_sound_shadow(profile)


def rows(found, number, part):
    return {row["id"]: row for row in found["phases"][number]["criteria"][part]}


def a_go(**values):
    fields = {"decision": "GO", "started_at": NOW - HOUR, "state": "FINISHED", **values}
    return CheckRun.objects.create(
        account="main", phase=1, venue="polymarket", software="1", by_name="test", **fields
    )


class TestSentence:
    def test_before_anything_was_judged(self, shadow):
        found = ladder("main", NOW)

        assert found["evaluation"] is None
        assert found["sentence"].startswith("The criteria have not been judged yet")
        assert {row["verdict"] for row in rows(found, 0, "success").values()} == {None}

    def test_what_is_missing_for_the_next_phase(self, shadow):
        EngineSession.objects.filter(pk=shadow[0].pk).update(
            state="CRASHED", ended_at=NOW - 4 * DAY - HOUR
        )
        evaluate("main", at=NOW)

        found = ladder("main", NOW)

        assert found["sentence"] == (
            "To ask for Micro-Live: 5 of 6 criteria missing, 3 more days without a crash, "
            "a dedicated production wallet, a backup younger than 24 h, "
            "and a GO of the go/no-go younger than 24 h."
        )
        assert found["missing"][1] == "3 more days without a crash"

    def test_days_are_counted_in_hours_at_the_end(self, shadow):
        Mandate.objects.update(phase_since=NOW - 7 * DAY + 90 * MINUTE)
        evaluate("main", at=NOW)

        assert "2 more hours in the phase" in ladder("main", NOW)["missing"]

    def test_a_go_that_holds_is_not_missing(self, shadow):
        evaluate("main", at=NOW)
        a_go()
        assert "a GO of the go/no-go younger than 24 h" not in ladder("main", NOW)["missing"]

        a_go(decision="NO_GO")
        assert "a GO of the go/no-go younger than 24 h" in ladder("main", NOW)["missing"]

    def test_a_rollback_criterion_that_is_met_comes_first(self, db):
        run = made.a_sound_live(make_profile("live_safe_atomic_v1"))
        evaluate("main", at=NOW)
        made.a_trade(run, 1_000, NOW, realised=-6_000_000)
        evaluate("main", scope="KILL", at=NOW + MINUTE)

        found = ladder("main", NOW + MINUTE)

        assert found["sentence"] == "A rollback criterion is met: A day lost more than $5."
        assert rows(found, 1, "kill")["DAILY_LOSS"]["distance"] == "met"

    def test_an_old_one_says_so(self, shadow):
        evaluate("main", at=NOW)

        found = ladder("main", NOW + HOUR)

        assert found["evaluation"]["old"]
        assert found["sentence"].endswith("Judged 1 h ago, which is too old.")

    def test_one_of_another_venue_or_stay_is_not_shown(self, shadow):
        evaluate("main", at=NOW)
        Mandate.objects.update(feed="simulator")
        assert ladder("main", NOW)["evaluation"] is None

        Mandate.objects.update(feed="polymarket", phase_since=NOW + MINUTE)
        assert ladder("main", NOW + HOUR)["evaluation"] is None


class TestRungs:
    def test_they_say_where_the_account_is(self, db):
        made.a_sound_live(make_profile("live_safe_atomic_v1"))
        evaluate("main", at=NOW)

        found = ladder("main", NOW)

        assert [one["state"] for one in found["phases"]] == ["past", "present", "next", "later"]
        assert found["phases"][1]["days_micro"] == 16_000_000
        assert found["phases"][1]["planned"] == "14-21 days"
        assert rows(found, 2, "entry")["CUMULATIVE_PROFIT"]["verdict"] == "FAIL"
        assert rows(found, 1, "entry")["DEDICATED_WALLET"]["verdict"] is None

    def test_how_far_each_rollback_criterion_is_away(self, db):
        made.a_sound_live(make_profile("live_safe_atomic_v1"))
        evaluate("main", at=NOW)

        kill = rows(ladder("main", NOW), 1, "kill")

        assert kill["DAILY_LOSS"]["distance"] == "$5 away"
        assert kill["CRITICAL_UNRESOLVED"]["distance"] == "60 minutes away"
        assert kill["FILL_RATE_LOW"]["distance"] == "3 days away"

    def test_it_is_plain_data(self, shadow):
        evaluate("main", at=NOW)

        assert json.loads(json.dumps(ladder("main", NOW))) == ladder("main", NOW)

    def test_there_is_none_of_an_account_that_does_not_exist(self, db):
        with pytest.raises(NotFound):
            ladder("other", NOW)


class TestCommand:
    def test_for_people(self, shadow):
        evaluate("main", at=NOW)
        status, out, _ = run_command("phase_status")

        assert status == 0
        assert "phase      0 Shadow Production" in out
        assert "0 Shadow Production  HERE" in out
        assert "met             7 days without a crash: 7 days" in out
        assert "quiet           More than one crash in a day: 0" in out
        assert "None" not in out

    def test_for_programs(self, shadow):
        evaluate("main", at=NOW)
        _, out, _ = run_command("phase_status", "--json")

        found = json.loads(out)
        assert found["phase"]["number"] == 0
        assert found["ladder"]["phases"][0]["criteria"]["success"][0]["verdict"] == "PASS"

    def test_a_broken_file_of_phases_does_not_hide_the_engine(self, shadow, settings, tmp_path):
        settings.CONFIG_DIR = tmp_path
        (tmp_path / "phases.yaml").write_text("phases: 7\n")
        status, out, _ = run_command("phase_status")

        assert status == 0
        assert "phase      0 Shadow Production" in out
        assert "phases.yaml: phases: is not a list" in out


class TestJobs:
    def test_each_account_is_judged(self, shadow):
        assert tasks.evaluate_phases() == "1 evaluated"
        assert Evaluation.objects.get().by_name == "jobs"

    def test_quiet_rollback_judgements_are_thinned_after_two_hours(self, shadow):
        begin = NOW.replace(minute=0)
        for second in range(0, 120, 30):
            evaluate("main", scope="KILL", at=begin + timedelta(seconds=second))
        everything = evaluate("main", at=begin)

        assert thin_evaluations(begin + 2 * HOUR) == 0
        assert thin_evaluations(begin + 3 * HOUR) == 3
        assert list(Evaluation.objects.filter(scope="ALL")) == [everything]
        assert Evaluation.objects.get(scope="KILL").at == begin
        assert tasks.thin() == "0 removed"

    def test_of_all_criteria_one_judgement_an_hour_and_what_was_asked_for_stay(
        self, shadow, operator
    ):
        begin = NOW.replace(minute=0)
        first, _, asked = [
            evaluate("main", at=begin + timedelta(minutes=minute), by=by, by_name="test")
            for minute, by in ((0, None), (10, None), (20, operator))
        ]

        assert thin_evaluations(begin + 14 * DAY) == 0
        assert thin_evaluations(begin + 15 * DAY) == 1
        assert set(Evaluation.objects.all()) == {first, asked}

    def test_what_stays_for_good_does_not_keep_the_rest_from_going(self, shadow, monkeypatch):
        monkeypatch.setattr(thinning, "ROWS_MAX", 2)
        begin = NOW.replace(minute=0)
        for hour in (0, 1, 2, 3):
            for second in (0, 10):
                evaluate("main", scope="KILL", at=begin + hour * HOUR + timedelta(seconds=second))

        assert [thin_evaluations(begin + DAY) for _ in range(3)] == [2, 2, 0]

    @pytest.mark.spoils_verdicts
    def test_what_failed_or_is_bound_is_kept(self, shadow):
        begin = NOW.replace(minute=0)
        made_of = [
            evaluate("main", scope="KILL", at=begin + timedelta(seconds=second))
            for second in (0, 10, 20, 30)
        ]
        made_of[1].verdicts.filter(criterion="CRASHES").update(verdict="FAIL")
        rollback = Rollback.objects.create(
            account="main",
            phase_from=1,
            phase_to=0,
            venue="polymarket",
            cause="PERSON",
            reason="x",
            started_at=begin,
            by_name="test",
        )
        rollback.verdicts.add(made_of[2].verdicts.first())

        assert thin_evaluations(begin + 2 * DAY) == 1
        assert not Evaluation.objects.filter(pk=made_of[3].pk).exists()
