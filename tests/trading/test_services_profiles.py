"""Saving, applying and rolling back profiles: revisions are only ever added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON, make_profile
from tests.helpers.audit import last_event, only_event
from trading import services
from trading.models import Mandate, Phase, Profile
from trading.services.profiles import Applied, fold_steps, steps_in_force

pytestmark = pytest.mark.django_db

SHADOW = "live_shadow_atomic_v1"
KEY = "0x8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63"


def refusal(call, *args, **kwargs):
    with pytest.raises(services.ServiceRefused) as caught:
        call(*args, **kwargs)
    return caught.value


def save(name, values, by=None, **changes):
    given_values = {"by": by, "by_name": "" if by else "test", "reason": "try", "at": NOON}
    return services.save_profile(name, values, **{**given_values, **changes})


def apply(name=SHADOW, revision=None, by=None, **changes):
    given_values = {"by": by, "by_name": "" if by else "test", "reason": "try", "at": NOON}
    return services.apply_profile(name, revision, **{**given_values, **changes})


def rollback(by=None, **changes):
    given_values = {"by": by, "by_name": "" if by else "test", "reason": "worse", "at": NOON}
    return services.rollback_profile(**{**given_values, **changes})


def in_force():
    return Mandate.objects.select_related("profile").get().profile


class TestSave:
    def test_a_new_name_starts_from_the_base(self, admin_user):
        made = save("mine", {"TRADE_SIZE": "2"}, admin_user)

        assert (made.name, made.revision, made.author, made.author_name) == (
            "mine",
            1,
            admin_user,
            "adam",
        )
        assert made.values["TRADE_SIZE"] == "2"
        assert made.values["DRY_RUN"] == "true"
        assert made.base_values["TRADE_SIZE"] == "1"

    def test_the_next_revision_keeps_what_was_not_given(self, profile, admin_user):
        made = save(SHADOW, {"TRADE_SIZE": "2"}, admin_user)

        assert made.revision == 2
        assert made.values == {**profile.values, "TRADE_SIZE": "2"}

    def test_an_old_revision_is_never_changed(self, profile, admin_user):
        before = Profile.objects.values().get(pk=profile.pk)
        save(SHADOW, {"TRADE_SIZE": "2"}, admin_user)

        assert Profile.objects.values().get(pk=profile.pk) == before

    def test_saving_applies_nothing(self, mandate, profile, admin_user):
        save(SHADOW, {"TRADE_SIZE": "2"}, admin_user)

        assert Mandate.objects.get().profile is None

    def test_who_why_before_and_after_are_audited(self, profile, admin_user):
        save(SHADOW, {"TRADE_SIZE": "2"}, admin_user)

        event = only_event()
        assert (event.action, event.actor, event.reason) == ("profile.save", admin_user, "try")
        assert event.target == f"profile:{SHADOW}"
        assert event.before["values"]["TRADE_SIZE"] == "1"
        assert event.after["values"]["TRADE_SIZE"] == "2"
        assert event.after["sha256"] == Profile.objects.get(revision=2).sha256

    def test_every_bad_field_is_named_and_nothing_is_saved(self, profile, admin_user):
        refused = refusal(
            save, SHADOW, {"TRADE_SIZE": "abc", "MAX_DAILY_LOSS": "-1", "X": "1"}, admin_user
        )

        assert refused.code == "CONFIG_INVALID"
        assert {problem.split()[0] for problem in refused.problems} == {
            "TRADE_SIZE",
            "MAX_DAILY_LOSS",
            "X",
        }
        assert Profile.objects.count() == 1
        assert AuditEvent.objects.count() == 0

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "",
                "../../x",
                "custom/../../../x",
                "A",
                "a b",
                "a.yaml",
                "a\n",
                "a\0",
                "é",
                "a" * 81,
            ),
            *("\N{FULLWIDTH LATIN SMALL LETTER A}", KEY[2:], "-", "/etc/passwd"),
        ],
    )
    def test_a_name_is_no_path(self, admin_user, name):
        assert refusal(save, name, {}, admin_user).code == "PROFILE_NAME"

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "nobody"])
    def test_needs_the_role_admin(self, profile, role, request):
        by = request.getfixturevalue(role)

        assert refusal(save, SHADOW, {"TRADE_SIZE": "2"}, by).code == "NOT_ALLOWED"
        assert Profile.objects.count() == 1

    def test_needs_a_reason(self, profile, admin_user):
        assert refusal(save, SHADOW, {}, admin_user, reason=" ").code == "REASON_MISSING"

    def test_the_same_values_again_are_refused(self, profile, admin_user):
        assert refusal(save, SHADOW, {"TRADE_SIZE": "1.00"}, admin_user).code == "NOTHING_CHANGED"

    def test_a_revision_that_somebody_made_meanwhile_refuses(self, profile, admin_user):
        save(SHADOW, {"TRADE_SIZE": "2"}, admin_user, after_revision=1)
        late = refusal(save, SHADOW, {"TRADE_SIZE": "3"}, admin_user, after_revision=1)

        assert late.code == "CHANGED_MEANWHILE"
        assert Profile.objects.count() == 2

    def test_two_at_the_same_moment_make_one_revision(self, profile, admin_user, monkeypatch):
        from trading.services import profiles

        monkeypatch.setattr(profiles, "newest", lambda _name: profile)
        save(SHADOW, {"TRADE_SIZE": "2"}, admin_user)
        late = refusal(save, SHADOW, {"TRADE_SIZE": "3"}, admin_user)

        assert late.code == "CHANGED_MEANWHILE"
        assert AuditEvent.objects.count() == 1

    def test_a_key_is_never_stored(self, profile, admin_user):
        for values in ({"PRIVATE_KEY": KEY}, {"TRADE_SIZE": KEY}):
            refused = refusal(save, SHADOW, values, admin_user)
            assert KEY not in str(refused)
            assert KEY not in repr(refused.problems)
        made = save(SHADOW, {"TRADE_SIZE": "2"}, admin_user, reason=f"because of {KEY}")

        assert KEY not in made.reason
        assert KEY not in only_event().reason


class TestApply:
    def test_puts_the_newest_revision_in_force(self, mandate, profile, admin_user):
        newer = make_profile(SHADOW, revision=2, TRADE_SIZE="2")
        applied = apply(by=admin_user)

        assert applied.profile == newer
        assert applied.revision == mandate.revision + 1
        event = only_event()
        assert (event.action, event.target) == ("profile.apply", "mandate:main")
        assert event.before["profile"] is None
        assert event.after["profile"]["revision"] == 2

    def test_or_the_one_that_is_asked_for(self, mandate, profile, admin_user):
        make_profile(SHADOW, revision=2, TRADE_SIZE="2")

        assert apply(revision=1, by=admin_user).profile == profile

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "nobody"])
    def test_needs_the_role_admin(self, mandate, profile, role, request):
        assert refusal(apply, by=request.getfixturevalue(role)).code == "NOT_ALLOWED"
        assert Mandate.objects.get().profile is None

    def test_needs_a_reason(self, mandate, profile, admin_user):
        assert refusal(apply, by=admin_user, reason="").code == "REASON_MISSING"

    def test_refuses_what_does_not_exist(self, mandate, profile, admin_user):
        assert refusal(apply, "unknown", by=admin_user).code == "NO_PROFILE"
        assert refusal(apply, revision=7, by=admin_user).code == "NO_PROFILE"
        assert refusal(apply, "../../x", by=admin_user).code == "PROFILE_NAME"

    def test_refuses_what_is_in_force(self, mandate, profile, admin_user):
        apply(by=admin_user)

        assert refusal(apply, by=admin_user).code == "ALREADY_APPLIED"
        assert AuditEvent.objects.count() == 1

    def test_real_money_is_refused_in_phase_0(self, mandate, admin_user):
        """Nobody gets from shadow to live by applying a profile: that takes a promotion."""
        make_profile("live_scaled_atomic_v1")
        refused = refusal(apply, "live_scaled_atomic_v1", by=admin_user)

        assert refused.code == "PROFILE_DOES_NOT_FIT_PHASE"
        assert "DRY_RUN" in refused.message
        assert Mandate.objects.get().profile is None

    def test_a_phase_refuses_more_than_its_ceilings(self, mandate, admin_user):
        Mandate.objects.update(phase=Phase.MICRO_LIVE)
        make_profile("live_safe_atomic_v1")
        make_profile("live_scaled_atomic_v1")

        assert apply("live_safe_atomic_v1", by=admin_user).profile.name == "live_safe_atomic_v1"
        refused = refusal(apply, "live_scaled_atomic_v1", by=admin_user)
        assert refused.code == "PROFILE_DOES_NOT_FIT_PHASE"
        assert "TRADE_SIZE" in refused.message

    def test_going_back_to_paper_is_always_allowed(self, mandate, profile, admin_user):
        Mandate.objects.update(phase=Phase.SCALED_LIVE)

        assert apply(by=admin_user).profile == profile

    def test_refuses_when_the_state_is_not_what_the_person_saw(self, mandate, profile, admin_user):
        seen = mandate.revision
        services.halt(mandate.account, by=admin_user, at=NOON)

        refused = refusal(apply, by=admin_user, seen_mandate_revision=seen)
        assert refused.code == "CHANGED_MEANWHILE"
        assert apply(by=admin_user, seen_mandate_revision=seen + 1).profile == profile

    def test_a_revision_of_another_version_is_refused_by_name(self, mandate, profile, admin_user):
        Profile.objects.update(values={**profile.values, "OLD_KEY": "1"})
        refused = refusal(apply, by=admin_user)

        assert refused.code == "PROFILE_OUTDATED"
        assert "OLD_KEY" in refused.message


class TestRollback:
    def three_applied(self, mandate):
        for size in ("1", "2", "3"):
            if size != "1":
                make_profile(SHADOW, revision=int(size), TRADE_SIZE=size)
            apply()

    def test_restores_what_was_in_force_before_as_a_new_revision(self, mandate, profile):
        self.three_applied(mandate)
        rolled = rollback()

        assert rolled.profile.revision == 4
        assert rolled.profile.values["TRADE_SIZE"] == "2"
        assert rolled.profile.values == Profile.objects.get(revision=2).values
        assert rolled.profile.source == f"rollback to {SHADOW} r2"

    def test_the_second_goes_one_further_back_and_then_there_is_none(self, mandate, profile):
        self.three_applied(mandate)
        sizes = [rollback().profile.values["TRADE_SIZE"] for _ in range(2)]
        refused = refusal(rollback)

        assert sizes == ["2", "1"]
        assert refused.code == "NO_EARLIER_PROFILE"
        assert in_force().values["TRADE_SIZE"] == "1"

    def test_never_ends_with_nothing(self, mandate, profile):
        assert refusal(rollback).code == "NO_EARLIER_PROFILE"
        apply()

        assert refusal(rollback).code == "NO_EARLIER_PROFILE"
        assert Mandate.objects.get().profile == profile
        assert all(row.values for row in Profile.objects.all())

    def test_after_a_rollback_applying_and_rolling_back_goes_on_from_there(self, mandate, profile):
        self.three_applied(mandate)
        rollback()  # 2
        make_profile(SHADOW, revision=5, TRADE_SIZE="5")
        apply()

        assert [rollback().profile.values["TRADE_SIZE"] for _ in range(2)] == ["2", "1"]

    def test_goes_back_over_another_profile(self, mandate, profile):
        apply()
        save("mine", {"TRADE_SIZE": "4"})
        apply("mine")

        rolled = rollback().profile
        assert (rolled.name, rolled.values["TRADE_SIZE"]) == (SHADOW, "1")

    def test_counts_what_starting_put_in_force(self, mandate, profile):
        apply()
        make_profile(SHADOW, revision=2, TRADE_SIZE="2")
        services.start_shadow(mandate.account, by=None, by_name="test", at=NOON)

        assert rollback().profile.values["TRADE_SIZE"] == "1"

    def test_to_a_named_revision(self, mandate, profile):
        self.three_applied(mandate)

        assert rollback(to=(SHADOW, 1)).profile.values["TRADE_SIZE"] == "1"
        assert refusal(rollback, to=(SHADOW, 99)).code == "NO_PROFILE"

    def test_is_audited_with_what_was_restored(self, mandate, profile):
        self.three_applied(mandate)
        rollback()

        event = last_event()
        assert (event.action, event.reason) == ("profile.rollback", "worse")
        assert event.after["restored"]["revision"] == 2
        assert event.after["profile"]["revision"] == 4

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "nobody"])
    def test_needs_the_role_admin(self, mandate, profile, role, request):
        self.three_applied(mandate)
        by = request.getfixturevalue(role)

        assert refusal(rollback, by=by).code == "NOT_ALLOWED"
        assert Profile.objects.count() == 3

    def test_needs_a_reason(self, mandate, profile, admin_user):
        assert refusal(rollback, by=admin_user, reason="").code == "REASON_MISSING"

    def test_a_live_profile_does_not_come_back_into_phase_0(self, mandate, profile):
        """After a demotion, rolling back must not bring the real money back."""
        Mandate.objects.update(phase=Phase.MICRO_LIVE)
        make_profile("live_safe_atomic_v1")
        apply("live_safe_atomic_v1")
        apply()
        Mandate.objects.update(phase=Phase.SHADOW)

        assert refusal(rollback).code == "PROFILE_DOES_NOT_FIT_PHASE"
        assert Mandate.objects.get().profile == profile

    def test_another_account_s_history_does_not_count(self, mandate, profile):
        services.ensure_mandate("other", at=NOON)
        apply(account="other")
        make_profile(SHADOW, revision=2, TRADE_SIZE="2")
        apply(account="other")
        apply()

        assert refusal(rollback).code == "NO_EARLIER_PROFILE"
        assert [step.revision for step in steps_in_force("other")] == [1, 2]


class TestFoldSteps:
    """The rule alone: what a sequence of records leaves to go back to."""

    def event(self, action, revision, restored=None):
        def facts(number):
            return {"name": "p", "revision": number, "sha256": str(number)}

        after = {"profile": facts(revision)}
        if restored:
            after["restored"] = facts(restored)
            after["profile"]["sha256"] = str(restored)
        return action, after

    @given(st.integers(1, 8), st.integers(0, 10))
    def test_after_n_applied_each_rollback_goes_back_exactly_one(self, applied, rollbacks):
        events = [self.event("profile.apply", number) for number in range(1, applied + 1)]
        revision = applied
        for _ in range(rollbacks):
            steps = fold_steps(events)
            if len(steps) < 2:
                break
            revision += 1
            events.append(self.event("profile.rollback", revision, steps[-2].revision))

        left = [step.revision for step in fold_steps(events)]
        assert left == list(range(1, max(1, applied - rollbacks) + 1))

    def test_starting_with_what_is_in_force_is_no_step(self):
        events = [
            self.event("profile.apply", 1),
            self.event("engine.start_shadow", 1),
            self.event("profile.apply", 2),
        ]
        assert fold_steps(events) == [Applied("p", 1, "1"), Applied("p", 2, "2")]

    def test_records_without_a_profile_are_passed_over(self):
        assert fold_steps([("engine.start_shadow", {"profile": None})]) == []
