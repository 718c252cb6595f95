"""Secrets planted in every file of a PolyArb-X folder come out nowhere."""

import logging
import os

import pytest
from django.apps import apps

from checks.services.foreign_files import clean
from checks.services.importing import import_folder
from polyarb_site.live.models import OutboxMessage
from tests.checks.foreign_folder import CANARIES, PHRASE, WORDS, build, write
from tests.conftest import NOON
from tests.helpers.commands import run_command

pytestmark = pytest.mark.django_db
SECRETS = [*CANARIES, *(one[2:] for one in CANARIES), WORDS, PHRASE]


@pytest.fixture
def folder(tmp_path):
    return build(tmp_path / "polyarb-x")


def load(folder, **options):
    return import_folder(folder, **{"by_name": "test", "at": NOON, **options})


def by_path(report):
    return {one.path: one for one in report.files}


def told(report, path):
    one = by_path(report)[path]
    return one.outcome.value, "; ".join([*one.taken, *one.not_taken])


def everything_stored():
    return "\n".join(
        repr(row) for model in apps.get_models() for row in model._default_manager.values()
    )


class TestSecrets:
    """C6: a planted secret is in every file, and nowhere afterwards."""

    @pytest.mark.parametrize("form", [[], ["--json"], ["--dry-run"]])
    def test_come_out_nowhere(self, folder, caplog, form):
        caplog.set_level(logging.DEBUG)
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "alerts_state.json":
                assert any(secret in path.read_text() for secret in SECRETS), path
        _, out, err = run_command("import_polyarb", str(folder), *form)

        where = {
            "output": out + err,
            "log": caplog.text,
            "database": everything_stored(),
            "outbox": repr(list(OutboxMessage.objects.values())),
        }
        for secret in SECRETS:
            for name, text in where.items():
                assert secret not in text, name

    def test_the_files_that_hold_keys_are_not_even_opened(self, folder, monkeypatch):
        opened = []
        really = os.open

        def noted(path, *arguments, **options):
            opened.append(path)
            return really(path, *arguments, **options)

        monkeypatch.setattr(os, "open", noted)
        report = load(folder)

        assert told(report, ".env") == ("LEFT", "was not opened: such files hold keys")
        assert ".env" not in [str(path) for path in opened]

    @pytest.mark.parametrize(
        "line",
        [
            f"PRIVATE_KEY: {CANARIES[0]}",
            f'PRIVATE_KEY: "{CANARIES[0]}"',
            f"PRIVATE_KEY: {CANARIES[0][2:]}",
            f"{CANARIES[0]}: true",
            f"'{CANARIES[0][:60]}': true",
            f"TRADE_SIZE: {CANARIES[0]}",
            f"TRADE_SIZE: '{WORDS}'",
            f"MAX_RETRIES: {CANARIES[0][:40]}",
            f"note: [{CANARIES[0]}, 'x'",
            f"note: &{WORDS} x",
            f"note: !{WORDS} x",
            f"seed_phrase: {PHRASE}",
            f"password: {WORDS}",
            f"rpc: https://user:{WORDS}@rpc.example",
        ],
    )
    def test_in_a_profile_refuse_it_or_are_left_and_are_never_repeated(self, folder, line):
        write(folder, "config/profiles/bad.yaml", f"{line}\n")
        report = load(folder)
        text = repr(by_path(report)["config/profiles/bad.yaml"]) + everything_stored()

        assert told(report, "config/profiles/bad.yaml")[0] == "REFUSED"
        assert told(report, "config/profiles/taker.yaml")[0] == "TAKEN"
        for piece in (CANARIES[0][:20], WORDS, PHRASE):
            assert piece not in text

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("MAX_RETRIES '0xc4a9' is no number", "MAX_RETRIES ... is no number"),
            ("""line 3: 'it"s' and "x" are odd""", "line 3: ... and ... are odd"),
            (f"{CANARIES[0][:40]} is not a key here", "[masked] is not a key here"),
            (f"see https://x:{WORDS}@y/z now", "see [address] now"),
            ("two\nlines", "two?lines"),
            ("plain words", "plain words"),
        ],
    )
    def test_are_taken_out_of_what_is_said(self, text, shown):
        assert clean(text) == shown
