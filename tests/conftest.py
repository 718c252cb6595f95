"""Actors, a fixed noon, an account, and a network that ends at this machine."""

import functools
import ipaddress
import os
import socket
from datetime import UTC, datetime
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from tests.helpers.clocks import FixedClock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ACCOUNT = "main"


def pytest_configure(config):
    """Take out what is slow by design: hashing of passwords, and a list of all static files."""
    settings.PASSWORD_HASHERS = ["tests.helpers.hashers.QuickHasher"]
    settings.WHITENOISE_AUTOREFRESH = True
    # No test judges how long something takes. The quick suite is for after each change; the whole
    # suite invents four times as much.
    hypothesis.settings.register_profile("whole", deadline=None)
    hypothesis.settings.register_profile("quick", max_examples=25, deadline=None)
    quick = "not slow" in config.option.markexpr
    hypothesis.settings.load_profile("quick" if quick else "whole")


# What takes longest comes first, so that no worker is left alone with it at the end.
LONGEST = (
    "tests/simulation/test_seeds.py",
    "tests/chaos/",
    "tests/alerts/test_outage.py",
    "tests/reports/test_kills.py",
    "tests/checks/test_rollback_kills.py",
    "tests/browser/",
    "tests/engine/test_properties.py",
    "tests/live/",
    "tests/simulator/",
)


def pytest_collection_modifyitems(items):
    """Put the longest files first; within them and after them the order stays as it is."""

    def place(item):
        path = item.path.relative_to(settings.BASE_DIR).as_posix()
        return next((i for i, one in enumerate(LONGEST) if path.startswith(one)), len(LONGEST))

    items.sort(key=place)


DATABASES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_itemcollected(item):
    """Mark what needs the database."""
    if DATABASES & set(item.fixturenames) or item.get_closest_marker("django_db"):
        item.add_marker("database")


STORED: list[int] = []


def pytest_collection_finish(session):
    """Remember each evaluation that is stored, so that its verdicts are computed again."""
    from checks.services import evaluations

    original = evaluations._store
    if getattr(original, "watched", False):
        return

    def remembered(evaluation, judged):
        kept = original(evaluation, judged)
        STORED.append(kept.pk)
        return kept

    remembered.watched = True  # type: ignore[attr-defined]
    evaluations._store = remembered


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Compute every verdict again that a test stored: it has to be what it was.

    A test that spoils stored verdicts on purpose is marked `spoils_verdicts`.
    """
    STORED.clear()
    result = yield
    if STORED and item.get_closest_marker("spoils_verdicts") is None:
        from checks.models import Evaluation
        from checks.services.evaluations import judge_again

        for evaluation in Evaluation.objects.filter(pk__in=STORED):
            different = [one for one in judge_again(evaluation) if not one.equal]
            assert different == [], f"verdicts of evaluation {evaluation.pk} are not the same again"
    return result


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A folder that all workers of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


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


GRANTED: dict[str, Any] = {}  # what the first seeding of this process came to


@pytest.fixture
def roles(db):
    """The four groups with their permissions; after the first time in two statements."""
    from django.contrib.auth.models import Group, Permission

    from polyarb_site.roles import seed_roles

    granted = Group.permissions.through
    known = list(Permission.objects.order_by("pk").values_list("pk", flat=True))
    if Group.objects.exists() or GRANTED.get("permissions") != known:
        seed_roles()
        rows = list(granted.objects.values_list("group__name", "permission_id"))
        GRANTED.update(permissions=known, rows=rows)
        return
    names = sorted({name for name, _ in GRANTED["rows"]})
    groups = {one.name: one.pk for one in Group.objects.bulk_create(Group(name=n) for n in names)}
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {granted._meta.db_table} (group_id, permission_id) VALUES (%s, %s)",
            [(groups[name], permission) for name, permission in GRANTED["rows"]],
        )


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
