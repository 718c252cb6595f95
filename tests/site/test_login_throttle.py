"""Guessing passwords is slowed down, and nobody else is locked out by it."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import RequestFactory

from polyarb_site import login_throttle
from polyarb_site.login_throttle import ThrottledBackend
from tests.helpers.clocks import FixedClock

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def guessing(db, settings, monkeypatch):
    """One account with a cheap hash, and a clock that stands."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.AUTHENTICATION_BACKENDS = ["polyarb_site.login_throttle.ThrottledBackend"]
    clock = FixedClock()
    monkeypatch.setattr(ThrottledBackend, "clock", clock)
    cache.clear()
    User.objects.create_user("vera", password=PASSWORD)
    return clock


def login(password=PASSWORD, *, name="vera", address="10.0.0.1"):
    request = RequestFactory().post("/admin/login/", REMOTE_ADDR=address)
    return authenticate(request, username=name, password=password)


def test_the_right_password_comes_in(guessing):
    assert login() is not None


def test_after_ten_wrong_ones_even_the_right_one_waits_for_the_next_minute(guessing):
    for _ in range(login_throttle.FAILURES_MAX_BY_NAME):
        assert login("wrong") is None

    assert login() is None
    guessing.advance(timedelta(minutes=1))
    assert login() is not None


def test_right_ones_are_not_counted(guessing):
    for _ in range(50):
        assert login() is not None


def test_guesses_from_elsewhere_lock_nobody_out(guessing):
    for _ in range(50):
        login("wrong", address="10.6.6.6")

    assert login() is not None


def test_guesses_at_many_names_from_one_address_are_counted_together(guessing):
    for number in range(login_throttle.FAILURES_MAX_BY_ADDRESS):
        login("wrong", name=f"guess-{number}")

    assert login() is None


def test_what_is_no_longer_looked_at_costs_no_hash(guessing, monkeypatch):
    for _ in range(login_throttle.FAILURES_MAX_BY_NAME):
        login("wrong")
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("it was hashed"))

    login("wrong")


@pytest.mark.parametrize("name", ["", "a" * 5_000, "a b\n", None])
def test_any_name_may_be_tried(name, guessing):
    assert login(name=name) is None


def test_permissions_are_the_usual_ones(guessing):
    user = User.objects.get()

    assert not user.has_perm("trading.view_trade")
