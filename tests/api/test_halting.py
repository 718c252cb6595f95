"""POST /api/emergency_stop: whoever has an account halts, whatever else is broken."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection

from polyarb_site.audit.models import AuditEvent
from polyarb_site.rest import authentication
from tests.api.building import Caller, error_of
from tests.helpers.clocks import FixedClock
from trading.models import Mandate

STOP = "/api/emergency_stop"


def kill_note():
    return json.loads(settings.KILL_FILE.read_text().splitlines()[0])


def database_is_away(*_arguments):
    raise OperationalError("unable to open database file")


class TestHalting:
    def test_closes_both_locks_and_is_recorded_with_the_reason(self, stranger, mandate):
        response = stranger.post(STOP, {"reason": "fills look wrong"})

        assert response.status_code == 200
        assert response.json() == {
            "halted": True,
            "already_halted": False,
            "kill_file_written": True,
            "recorded": True,
            "message": "trading is halted",
            "ignored": "",
        }
        halted = Mandate.objects.get()
        assert (halted.halted, halted.halted_by) == (True, "nora")
        assert (halted.halt_code, halted.halt_reason) == ("API", "fills look wrong")
        assert kill_note()["reason"] == "fills look wrong"
        event = AuditEvent.objects.get(action="mandate.halt")
        assert event.actor_name == "nora"
        assert event.request_id == response.headers["X-Request-ID"]

    def test_again_is_no_error(self, stranger, mandate):
        stranger.post(STOP)

        response = stranger.post(STOP)

        assert response.status_code == 200
        assert response.json()["already_halted"] is True

    def test_works_before_anything_was_set_up(self, stranger):
        assert stranger.post(STOP).status_code == 200
        assert Mandate.objects.get().halted

    @pytest.mark.parametrize(
        ("raw", "content_type"),
        [
            (b"", ""),
            (b"", "application/json"),
            (b"{", "application/json"),
            (b"null", "application/json"),
            (b"[1]", "application/json"),
            (b"\xff\xfe\x00", "application/json"),
            (b'{"reason": 7}', "application/json"),
            (b'{"reason": {"a": []}}', "application/json"),
            (b'{"reason": "a", "reason": "b"}', "application/json"),
            (b'{"reason": "\\ud800\\u0000\\u001b[0m"}', "application/json"),
            (b'{"nonsense": true}', "application/json"),
            (b'{"\\ud800\\u0000": true}', "application/json"),
            (b'{"reason": "' + b"a" * 10_000 + b'"}', "application/json"),
            (b'{"reason": "' + b"a" * 2_000_000 + b'"}', "application/json"),
            (b"[" * 10_000, "application/json"),
            (b"reason=now", "application/x-www-form-urlencoded"),
            (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
            (b"stop!", "text/plain"),
            (b"<stop/>", "application/xml"),
        ],
    )
    def test_happens_whatever_the_body_is(self, raw, content_type, stranger, mandate):
        response = stranger.post(STOP, raw=raw, content_type=content_type)

        assert response.status_code == 200
        assert response.json()["halted"] is True
        assert Mandate.objects.get().halted
        assert settings.KILL_FILE.exists()

    def test_says_what_of_the_body_was_ignored(self, stranger, mandate):
        def ignored(raw):
            return stranger.post(STOP, raw=raw).json()["ignored"]

        assert ignored(b"") == ""
        assert ignored(b'{"reason": "why"}') == ""
        assert "JSON" in ignored(b"{")
        assert "text" in ignored(b'{"reason": 7}')
        assert "x, y" in ignored(b'{"y": 1, "reason": "why", "x": 2}')
        assert "large" in ignored(b" " * 20_000)

    def test_happens_with_a_body_of_unknown_length(self, stranger, mandate):
        response = stranger.post(STOP, {"reason": "why"}, **{"Transfer-Encoding": "chunked"})

        assert response.status_code == 200

    def test_takes_any_query(self, stranger, mandate):
        response = stranger.client.post(f"{STOP}/?now=1&now=2&reason=", headers=stranger.headers)

        assert response.status_code == 200

    def test_keeps_a_reason_to_one_line(self, stranger, mandate):
        stranger.post(STOP, {"reason": "a\nERROR forged\x1b[2J" + "b" * 600})

        reason = Mandate.objects.get().halt_reason
        assert reason.isprintable()
        assert len(reason) <= 500

    def test_keeps_no_secret_that_somebody_pasted(self, stranger, mandate):
        key = "0x" + "ab" * 32

        stranger.post(STOP, {"reason": f"key {key} leaked"})

        assert key not in Mandate.objects.get().halt_reason
        assert key not in settings.KILL_FILE.read_text()

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_is_a_post_and_nothing_else(self, method, stranger, mandate):
        assert stranger.ask(method, STOP).status_code == 405
        assert not Mandate.objects.get().halted


class TestWithoutTheDatabase:
    @pytest.fixture
    def known(self, nobody, monkeypatch):
        """A caller whose token was good a moment ago."""
        clock = FixedClock()
        monkeypatch.setattr(authentication.TokenAuthentication, "clock", clock)
        caller = Caller(nobody)
        caller.clock = clock
        assert caller.get("/api/trades").status_code == 403  # known, and may not read
        return caller

    def test_halts_by_the_file_for_a_token_seen_lately(self, known, mandate):
        known.clock.advance(timedelta(minutes=14))
        with connection.execute_wrapper(database_is_away):
            response = known.post(STOP, {"reason": "disk is full"})

        assert response.status_code == 200
        answer = response.json()
        assert (answer["kill_file_written"], answer["recorded"]) == (True, False)
        assert "other machines" in answer["message"]
        assert kill_note()["by"] == "nora"
        assert kill_note()["reason"] == "disk is full"

    def test_remembers_a_token_for_fifteen_minutes(self, known, mandate):
        known.clock.advance(timedelta(minutes=16))
        with connection.execute_wrapper(database_is_away):
            response = known.post(STOP)

        assert response.status_code == 503

    def test_takes_a_fault_of_ours_for_no_absence(self, known, mandate):
        def fault_in_our_sql(*_arguments):
            raise ProgrammingError("no such column")

        with connection.execute_wrapper(fault_in_our_sql):
            response = known.post(STOP)

        assert response.status_code == 500
        assert not settings.KILL_FILE.exists()

    def test_remembers_for_halting_alone(self, known, mandate):
        with connection.execute_wrapper(database_is_away):
            for path in ("/api/resume", "/api/engine/stop"):
                assert known.post(path, {"reason": "x"}).status_code == 503
            assert known.get("/api/trades").status_code == 503

    def test_says_how_to_halt_for_a_token_that_it_has_not_seen(self, stranger, mandate):
        with connection.execute_wrapper(database_is_away):
            response = stranger.post(STOP)

        assert response.status_code == 503
        error = error_of(response)
        assert error["code"] == "DATABASE_UNAVAILABLE"
        assert "manage.py emergency_stop" in error["remedy"]
        assert "KILL" in error["remedy"]
        assert not settings.KILL_FILE.exists()

    def test_lets_nobody_in_by_guessing(self, known, anonymous, mandate):
        anonymous.headers["Authorization"] = "Token polyarb_" + "a" * 40
        with connection.execute_wrapper(database_is_away):
            assert anonymous.post(STOP).status_code == 503
        assert not settings.KILL_FILE.exists()

    def test_remembers_few_tokens(self, nobody):
        for _ in range(authentication.REMEMBERED_MAX + 10):
            authentication._remember("polyarb_" + "a" * 40 + str(_), "nora", 0)

        assert len(authentication._remembered) == authentication.REMEMBERED_MAX


class TestWithoutAnything:
    def test_says_that_nothing_was_halted(self, stranger, mandate, monkeypatch):
        from trading import kill_file

        def fail(*_arguments, **_options):
            raise OSError(28, "No space left on device")

        stranger.get("/api/trades")
        monkeypatch.setattr(kill_file, "halt_by_file_only", fail)
        with connection.execute_wrapper(database_is_away):
            response = stranger.post(STOP)

        assert response.status_code == 503
        error = error_of(response)
        assert error["code"] == "HALT_FAILED"
        assert "processes" in error["remedy"]
        assert str(settings.DATA_DIR) not in json.dumps(error)

    def test_of_the_file_halts_by_the_database(self, stranger, mandate, monkeypatch):
        from trading import kill_file

        def fail(*_arguments, **_options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(kill_file, "halt_by_file_only", fail)

        response = stranger.post(STOP)

        assert response.status_code == 200
        assert response.json()["kill_file_written"] is False
        assert Mandate.objects.get().halted
