"""Settings from the environment: a malformed one stops the start and names itself."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from polyarb_site.environment import Environment, database_from_url, secret_key_from_file

ROOT = Path(__file__).resolve().parents[2]


def refused(call, *args, **kwargs):
    with pytest.raises(ImproperlyConfigured) as caught:
        call(*args, **kwargs)
    return str(caught.value)


class TestReading:
    def test_what_is_not_set_has_its_default(self):
        env = Environment({})

        assert env.text("A", "x") == "x"
        assert env.boolean("B", default=True) is True
        assert env.integer("C", 5, lowest=1, highest=9) == 5
        assert env.words("D", ["a"]) == ["a"]
        assert env.name("E", "main") == "main"
        assert env.path("F", Path("/x")) == Path("/x")

    @pytest.mark.parametrize("text", ["true", "1", "yes", "", "TRUE", "False ", "on"])
    def test_a_truth_value_is_one_of_two_words(self, text):
        assert "DEBUG" in refused(Environment({"DEBUG": text}).boolean, "DEBUG", default=False)

    def test_and_these_are_they(self):
        assert Environment({"D": "True"}).boolean("D", default=False) is True
        assert Environment({"D": "False"}).boolean("D", default=True) is False

    def test_a_choice_is_one_of_its_words(self):
        assert Environment({"W": "EOA"}).choice("W", "DEPOSIT", ("DEPOSIT", "EOA")) == "EOA"
        assert Environment({}).choice("W", "DEPOSIT", ("DEPOSIT", "EOA")) == "DEPOSIT"

    @pytest.mark.parametrize("text", ["", "eoa", "SAFE"])
    def test_any_other_word_is_refused(self, text):
        env = Environment({"W": text})

        assert "set it to DEPOSIT or EOA" in refused(env.choice, "W", "EOA", ("DEPOSIT", "EOA"))

    def test_an_address_is_twenty_bytes_in_hex_or_not_set(self):
        assert Environment({"A": "0x" + "aB" * 20}).address("A") == "0x" + "aB" * 20
        assert Environment({}).address("A") == ""

    @pytest.mark.parametrize("text", ["0x", "ab" * 20, "0x" + "ab" * 19, "0x" + "ab" * 32])
    def test_anything_else_is_no_address_and_is_not_repeated(self, text):
        told = refused(Environment({"A": text}).address, "A")

        # Somebody may have put the key there.
        assert told == "A is no address; set it to 0x and 40 hex digits"

    @pytest.mark.parametrize(
        "text", ["", "x", "1.5", "-1", "0", "65536", "1e3", "१", " 8", "9" * 99]
    )
    def test_a_number_is_whole_and_within_its_bounds(self, text):
        env = Environment({"PORT": text})

        assert "PORT" in refused(env.integer, "PORT", 8083, lowest=1, highest=65_535)

    def test_a_number_at_its_bounds_is_taken(self):
        env = Environment({"A": "1", "B": "65535"})

        assert env.integer("A", 8083, lowest=1, highest=65_535) == 1
        assert env.integer("B", 8083, lowest=1, highest=65_535) == 65_535

    @pytest.mark.parametrize("text", ["Main", "../x", "", "a" * 61, "a b", "é"])
    def test_a_name_is_plain(self, text):
        assert "ACCOUNT" in refused(Environment({"ACCOUNT": text}).name, "ACCOUNT", "main")

    def test_words_are_separated_by_commas_and_stripped(self):
        assert Environment({"H": " a, b ,,c"}).words("H", []) == ["a", "b", "c"]
        assert Environment({"H": " , "}).words("H", ["x"]) == ["x"]

    def test_a_relative_path_becomes_absolute(self):
        assert Environment({"P": "x/../y"}).path("P", Path("/")) == Path.cwd() / "y"

    def test_a_misspelt_setting_of_ours_is_refused_with_the_likely_name(self):
        env = Environment({"POLYARB_DEBGU": "True", "OTHER": "1"})
        env.boolean("POLYARB_DEBUG", default=False)

        assert "did you mean POLYARB_DEBUG" in refused(env.refuse_unknown, "POLYARB_")

    def test_known_ones_and_those_of_others_are_not(self):
        env = Environment({"POLYARB_DEBUG": "True", "OTHER": "1", "POLYARB_CI": "1"})
        env.boolean("POLYARB_DEBUG", default=False)

        env.refuse_unknown("POLYARB_", also_known=("POLYARB_CI",))


class TestDatabase:
    def test_none_is_a_file_in_wal_mode_that_locks_at_the_start(self, tmp_path):
        found = database_from_url("", sqlite=tmp_path / "p.sqlite3")

        assert found["ENGINE"] == "django.db.backends.sqlite3"
        assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]

    def test_postgresql_with_everything_in_the_address(self, tmp_path):
        url = "postgres://por%40tal:p%2Fw@db.example:5433/portal?sslmode=require"
        found = database_from_url(url, sqlite=tmp_path)

        assert found["ENGINE"] == "django.db.backends.postgresql"
        assert (found["USER"], found["PASSWORD"]) == ("por@tal", "p/w")
        assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "5433", "portal")
        assert found["OPTIONS"]["sslmode"] == "require"

    def test_a_server_that_does_not_answer_is_given_up_soon(self, tmp_path):
        """Halting writes its file first, and still should not wait for minutes to say so."""
        found = database_from_url("postgres://db/portal", sqlite=tmp_path)
        chosen = database_from_url("postgres://db/portal?connect_timeout=30", sqlite=tmp_path)

        assert int(found["OPTIONS"]["connect_timeout"]) <= 5
        assert chosen["OPTIONS"]["connect_timeout"] == "30"

    @pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "hunter2", "postgres://u:hunter2@h"])
    def test_another_address_is_refused_without_repeating_it(self, tmp_path, url):
        text = refused(database_from_url, url, sqlite=tmp_path)

        assert "DATABASE_URL" in text
        assert "hunter2" not in text


class TestSecretKey:
    def test_is_made_once_and_only_the_owner_reads_it(self, tmp_path):
        first = secret_key_from_file(tmp_path / "keys")
        file = tmp_path / "keys" / "django_secret_key"

        assert len(first) >= 40
        assert secret_key_from_file(tmp_path / "keys") == first
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert list(file.parent.iterdir()) == [file]

    def test_two_installations_have_two(self, tmp_path):
        assert secret_key_from_file(tmp_path / "a") != secret_key_from_file(tmp_path / "b")

    def test_everybody_who_starts_at_once_gets_the_same(self, tmp_path):
        found = []
        start = threading.Barrier(8)

        def read():
            start.wait()
            found.append(secret_key_from_file(tmp_path / "keys"))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 8
        assert len(set(found)) == 1

    def test_a_damaged_one_is_named(self, tmp_path):
        (tmp_path / "django_secret_key").write_text("short")

        assert "django_secret_key" in refused(secret_key_from_file, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLYARB_DEBUG", "yes"),
        ("POLYARB_PORT", "0"),
        ("POLYARB_ACCOUNT", "../x"),
        ("POLYARB_DBUG", "True"),
        ("DATABASE_URL", "oracle://x"),
    ],
)
def test_a_bad_setting_stops_the_start_by_name(tmp_path, name, value):
    environment = {**os.environ, "POLYARB_DATA_DIR": str(tmp_path), name: value}
    code = "import django; from django.conf import settings; settings.DEBUG"
    environment["DJANGO_SETTINGS_MODULE"] = "polyarb_site.settings"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert name in done.stderr.splitlines()[-1]
