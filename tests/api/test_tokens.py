"""`manage.py api_token`: shown once, kept as a hash, recorded."""

import io
from hashlib import sha256

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.authtoken.models import Token

from polyarb_site.audit.models import AuditEvent
from polyarb_site.rest import tokens
from tests.api.building import Caller


def run(*arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("api_token", *arguments, **options, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def ask_with(token):
    caller = Caller()
    caller.headers["Authorization"] = f"Token {token}"
    return caller.get("/api/trades").status_code


class TestMaking:
    def test_prints_a_token_that_works_alone_on_standard_output(self, viewer):
        out, err = run("vera")

        assert tokens.is_well_formed(out)
        assert ask_with(out) == 200
        assert "not shown again" in err

    def test_keeps_nothing_that_works(self, viewer):
        out, _ = run("vera")

        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM authtoken_token")
            assert out not in repr(cursor.fetchall())
        stored = Token.objects.get().key
        assert stored == sha256(out.encode()).hexdigest()[:40]
        assert ask_with(stored) == 401

    def test_is_recorded_without_the_token(self, viewer):
        out, _ = run("vera")

        event = AuditEvent.objects.get(action="token.issue")
        assert event.target == "user:vera"
        assert event.actor_name.startswith("shell:")
        assert out not in repr(AuditEvent.objects.values().get())

    def test_a_second_one_is_refused_and_names_the_way(self, viewer):
        first, _ = run("vera")

        with pytest.raises(CommandError, match="--rotate"):
            run("vera")

        assert ask_with(first) == 200

    def test_for_nobody_is_refused(self, db):
        with pytest.raises(CommandError, match="no account 'ghost'"):
            run("ghost")

    def test_for_an_account_switched_off_is_refused(self, viewer):
        viewer.is_active = False
        viewer.save()

        with pytest.raises(CommandError, match="switched off"):
            run("vera")

        assert not Token.objects.exists()


class TestRotating:
    def test_ends_the_old_one(self, viewer):
        first, _ = run("vera")

        second, _ = run("vera", rotate=True)

        assert (ask_with(first), ask_with(second)) == (401, 200)
        assert AuditEvent.objects.filter(action="token.rotate").count() == 1


class TestRevoking:
    def test_ends_it(self, viewer):
        token, _ = run("vera")

        out, err = run("vera", revoke=True)

        assert out == ""
        assert "no longer" in err
        assert ask_with(token) == 401
        assert AuditEvent.objects.filter(action="token.revoke").count() == 1

    def test_of_none_is_refused(self, viewer):
        with pytest.raises(CommandError, match="has no token"):
            run("vera", revoke=True)

        assert not AuditEvent.objects.filter(action="token.revoke").exists()

    def test_and_rotating_at_once_is_refused(self, viewer):
        with pytest.raises(CommandError, match="not allowed with"):
            call_command("api_token", "vera", "--rotate", "--revoke")


def test_two_tokens_are_never_alike(viewer, operator):
    made = {tokens.issue(user, by_name="test") for user in (viewer, operator) for _ in range(20)}

    assert len(made) == 40
