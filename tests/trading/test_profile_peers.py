"""Defects C5 to C10 of the system that we are compared with: each is shown not to be ours."""

import json
import os
from pathlib import Path

import pytest
from django.conf import settings

from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON, make_profile
from tests.helpers.audit import KEY
from trading import services
from trading.models import Mandate, Profile
from trading.services.profiles import find_profile

pytestmark = pytest.mark.django_db

SHADOW = "live_shadow_atomic_v1"
BY = {"by": None, "by_name": "test", "at": NOON}


def in_force():
    profile = Mandate.objects.get().profile
    assert profile is not None
    return profile


def apply(size):
    """Put the shadow profile with this trade size in force."""
    revision = Profile.objects.filter(name=SHADOW).count() + 1
    make_profile(SHADOW, revision, TRADE_SIZE=size)
    services.apply_profile(SHADOW, revision, reason="try", **BY)


def rollback():
    return services.rollback_profile(reason="worse", **BY)


class TestC5ChangingTheProfileKillsProcessesByName:
    def test_c5_a_running_engine_is_told_and_no_process_is_touched(self, mandate, monkeypatch):
        def never(*_):
            raise AssertionError("a process was signalled")

        monkeypatch.setattr(os, "kill", never)
        Mandate.objects.update(desired="RUN")
        apply("2")
        services.save_profile(SHADOW, {"TRADE_SIZE": "3"}, reason="try", **BY)

        row = Mandate.objects.get()
        assert (row.desired, row.revision) == ("RUN", mandate.revision + 1)


class TestC6ApplyingCopiesTheKeyIntoAuditAndFiles:
    def test_c6_no_file_is_written_and_no_key_gets_into_the_audit(self, mandate, monkeypatch):
        monkeypatch.setenv("PRIVATE_KEY", KEY)
        before = {path: path.stat().st_mtime_ns for path in files()}
        make_profile(SHADOW)
        services.apply_profile(SHADOW, reason=f"with {KEY}", **BY)
        services.save_profile(SHADOW, {"TRADE_SIZE": "2"}, reason=f"with {KEY}", **BY)

        assert {path: path.stat().st_mtime_ns for path in files()} == before
        told = json.dumps(list(AuditEvent.objects.values("before", "after", "reason")))
        assert KEY not in told
        assert KEY[2:] not in told

    def test_c6_a_secret_is_no_key_of_a_profile(self, mandate):
        make_profile(SHADOW)
        with pytest.raises(services.Invalid) as caught:
            services.save_profile(SHADOW, {"PRIVATE_KEY": KEY}, reason="try", **BY)

        assert KEY not in str(caught.value)
        assert not [row for row in Profile.objects.all() if "PRIVATE_KEY" in row.values]


def files():
    """Return every file of the checkout that a program might write settings into."""
    root = Path(settings.BASE_DIR)
    return [*root.glob(".env*"), *(root / "config").rglob("*.yaml")]


class TestC7PreviousIsTheStartUpSnapshot:
    def test_c7_what_came_before_is_the_last_state_and_not_the_first(self, mandate):
        for size in ("1", "2", "3"):
            apply(size)

        assert rollback().profile.values["TRADE_SIZE"] == "2"

    def test_c7_each_record_has_the_difference_to_the_state_before_it(self, mandate):
        for size in ("1", "2", "3"):
            apply(size)

        events = AuditEvent.objects.filter(action="profile.apply").order_by("sequence")
        before = [event.before["profile"] for event in events]
        after = [event.after["profile"] for event in events]
        assert before == [None, *after[:-1]]
        assert len({one["sha256"] for one in after}) == 3


class TestC8RollingBackLeavesKeysAndEndsWithNothing:
    def test_c8_what_comes_back_is_the_earlier_revision_and_nothing_of_the_later(self, mandate):
        apply("1")
        make_profile(SHADOW, 2, NEGRISK_ARBITRAGE_ENABLED="true", TRADE_SIZE="2")
        services.apply_profile(SHADOW, 2, reason="try", **BY)

        restored = rollback().profile
        assert restored.revision == 3
        assert restored.values == find_profile(SHADOW, 1).values
        assert restored.values["NEGRISK_ARBITRAGE_ENABLED"] == "false"

    def test_c8_the_second_goes_one_further_and_the_last_says_there_is_none(self, mandate):
        for size in ("1", "2", "3"):
            apply(size)
        sizes = [rollback().profile.values["TRADE_SIZE"] for _ in range(2)]
        with pytest.raises(services.ServiceRefused) as caught:
            rollback()

        assert sizes == ["2", "1"]
        assert caught.value.code == "NO_EARLIER_PROFILE"
        assert in_force().values["TRADE_SIZE"] == "1"
        assert all(row.values for row in Profile.objects.all())

    def test_c8_an_engine_hears_of_it_by_the_mandate_s_number(self, mandate):
        apply("1")
        apply("2")
        seen = Mandate.objects.get().revision

        assert rollback().revision == seen + 1


class TestC9NamesThatArePaths:
    @pytest.mark.parametrize(
        "name", ["custom/../../../x", "../x", "/etc/passwd", "a/b", "a\\b", "x.yaml", "a\0b", ""]
    )
    def test_c9_nothing_is_read_saved_or_applied(self, name, mandate):
        calls = (
            lambda: find_profile(name),
            lambda: services.save_profile(name, {}, reason="try", **BY),
            lambda: services.apply_profile(name, reason="try", **BY),
            lambda: services.rollback_profile(to=(name, 1), reason="try", **BY),
        )
        for call in calls:
            with pytest.raises(services.Invalid) as caught:
                call()
            assert caught.value.code == "PROFILE_NAME"

    def test_c9_a_saved_profile_is_no_file(self, mandate):
        before = files()
        services.save_profile("mine", {"TRADE_SIZE": "2"}, reason="try", **BY)

        assert files() == before


class TestC10ValuesThatAreNone:
    @pytest.mark.parametrize(
        ("name", "value", "why"),
        [
            ("TRADE_SIZE", "abc", "is 'abc'"),
            ("TRADE_SIZE", "NaN", "is 'NaN'"),
            ("TRADE_SIZE", "Infinity", "is 'Infinity'"),
            ("TRADE_SIZE", "1e3", "is '1e3'"),
            ("TRADE_SIZE", "", "is ''"),
            ("TRADE_SIZE", None, "is empty"),
            ("TRADE_SIZE", [2], "is a list"),
            ("MAX_DAILY_LOSS", "-5", "is negative"),
            ("MAX_DAILY_LOSS", "0", "is below 0.01 $"),
            ("MAX_RETRIES", "2.5", "is '2.5'"),
            ("DRY_RUN", "maybe", "is 'maybe'"),
            ("SLIPAGE_MAX", "0.01", "is not a key of this portal"),
        ],
    )
    def test_c10_is_a_refusal_that_names_field_and_reason(self, name, value, why, mandate):
        make_profile(SHADOW)
        with pytest.raises(services.Invalid) as caught:
            services.save_profile(SHADOW, {name: value}, reason="try", **BY)

        assert caught.value.code == "CONFIG_INVALID"
        assert any(text.startswith(f"{name} {why}") for text in caught.value.problems)
        assert Profile.objects.count() == 1


class TestARevisionOfAnotherVersion:
    def test_is_saved_anew_without_the_keys_that_are_no_more(self, mandate):
        """The refusal to apply it says so, and then it has to be possible."""
        old = make_profile(SHADOW)
        Profile.objects.update(values={**old.values, "OLD_KEY": "1"}, sha256="0" * 64)
        with pytest.raises(services.ServiceRefused, match="OLD_KEY"):
            services.apply_profile(SHADOW, reason="try", **BY)
        services.save_profile(SHADOW, {}, reason="for this version", **BY)

        assert services.apply_profile(SHADOW, reason="try", **BY).profile.revision == 2
        assert in_force().values == old.values
