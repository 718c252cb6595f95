"""Actors, a fixed noon, an account, and a network that ends at this machine."""

import functools
import ipaddress
import socket
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.test import TransactionTestCase

from tests.helpers.clocks import FixedClock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ACCOUNT = "main"


def pytest_configure(config):
    """Take out what is slow by design: hashing of passwords, and a list of all static files."""
    settings.PASSWORD_HASHERS = ["tests.helpers.hashers.QuickHasher"]
    settings.WHITENOISE_AUTOREFRESH = True
    if config.option.markexpr == "not slow":
        # The quick suite is for after each change; the whole suite invents four times as much.
        hypothesis.settings.register_profile("quick", max_examples=25, deadline=None)
        hypothesis.settings.load_profile("quick")


@pytest.fixture
def noon():
    """The moment at which tests happen."""
    return NOON


@pytest.fixture
def clock():
    """A clock that stands at noon until a test moves it."""
    return FixedClock(NOON)


# Actors. They log in by force_login; hashing a password would be the slowest part of each test.


def _user(django_user_model, name, role):
    from polyarb_site.roles import Role, give_role

    user = django_user_model.objects.create(username=name, password="!")
    if role:
        give_role(user, Role(role))
    return user


@pytest.fixture
def roles(db):
    """The four groups with their permissions."""
    from polyarb_site.roles import seed_roles

    seed_roles()


@pytest.fixture
def viewer(roles, django_user_model):
    return _user(django_user_model, "vera", "viewer")


@pytest.fixture
def operator(roles, django_user_model):
    return _user(django_user_model, "otto", "operator")


@pytest.fixture
def approver(roles, django_user_model):
    return _user(django_user_model, "anna", "approver")


@pytest.fixture
def admin_user(roles, django_user_model):
    """A person with the role admin, and no superuser: what a role may is what is tested."""
    return _user(django_user_model, "adam", "admin")


@pytest.fixture
def nobody(roles, django_user_model):
    """An account without any role."""
    return _user(django_user_model, "nora", "")


# An account that may trade. The rows are made directly, so that the audit is empty at first.


@pytest.fixture
def account():
    return ACCOUNT


@pytest.fixture
def profile(db):
    """The shadow profile of config/profiles, as revision 1."""
    return make_profile("live_shadow_atomic_v1")


@pytest.fixture
def mandate(db, account):
    """The mandate of the account: phase 0, stopped, not halted, without a profile."""
    from trading.models import Mandate

    return Mandate.objects.create(account=account, changed_at=NOON)


def make_profile(name, revision=1, **changes):
    """Store a revision of one of our own profiles, with some values changed."""
    from trading.config.profiles import sha256
    from trading.config.schema import parse
    from trading.models import Profile

    base, values = _our_values(name)
    config = parse({**base, **values, **changes}, strict=True)
    return Profile.objects.create(
        name=name,
        revision=revision,
        values=config.texts(),
        base_values=base,
        sha256=sha256(config),
        author_name="test",
        reason="test",
        source=f"{name}.yaml",
        created_at=NOON,
    )


@functools.cache
def _our_values(name):
    """Return what config/config.yaml and one of our own profiles say."""
    from polyarb_site.yaml_files import read_named
    from trading.services.revisions import base_config

    return base_config().texts(), read_named(settings.CONFIG_DIR / "profiles", name)


# What holds for every test.


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, tmp_path_factory):
    """Keep the SQLite test database in a file, as the real one: threads have to see it too."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        folder = tmp_path_factory.mktemp("database")
        database.setdefault("TEST", {})["NAME"] = str(folder / "test.sqlite3")


@pytest.fixture(autouse=True)
def no_kill_file(settings):
    """Each test starts and ends without a kill file."""
    settings.KILL_FILE.unlink(missing_ok=True)
    yield
    settings.KILL_FILE.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def network_ends_here(monkeypatch):
    """Refuse every connection that would leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def checked(method):
        def call(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
                pytest.fail(f"the test tried to reach {address[0]}; use a loopback server")
            return method(self, address)

        return call

    monkeypatch.setattr(socket.socket, "connect", checked(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", checked(connect_ex))


def _is_here(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# A method that the stubs do not know; pytest-django calls it after each test that commits.
_fixture_teardown: Any = vars(TransactionTestCase)["_fixture_teardown"]


def _empty_the_database(self):
    """Empty the tables after a test that committed. For the audit that takes its triggers away."""
    from django.db import connection

    from polyarb_site.audit import append_only

    with append_only.lifted(connection):
        _fixture_teardown(self)


TransactionTestCase._fixture_teardown = _empty_the_database  # type: ignore[attr-defined]
