"""The security checks: each really looks, and each refusal has its allowed twin."""

import os
import stat
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from checks.catalogue import security, security_account, security_secrets
from checks.catalogue.base import Status
from checks.services.attestations import attest, revoke
from polyarb_site import one_time_password
from polyarb_site.secret_scan import Scan
from tests.checks.s2a_building import scene
from tests.conftest import NOON
from tests.helpers.audit import note
from trading.signer.key import SigningKey

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"  # of nobody
ADDRESS = SigningKey.from_text(KEY).address


class TestSecretFiles:
    """Defect G1: the upstream script asked BSD's stat first, and could never pass on Linux."""

    @pytest.fixture(autouse=True)
    def place(self, settings, tmp_path):
        settings.DATA_DIR = settings.BASE_DIR = tmp_path
        settings.SIGNER_PLAY_DIR = tmp_path / "play"
        settings.SIGNER_KEYSTORE = tmp_path / "signer" / "keystore.json"
        settings.SIGNER_PASSWORD_FILE = tmp_path / "signer" / "password"
        settings.CHANNEL_KEY_FILE = tmp_path / "keys" / "channels.key"
        settings.RELAYER_KEY_FILE = tmp_path / "keys" / "relayer.json"
        for folder in ("signer", "keys"):
            (tmp_path / folder).mkdir(mode=0o700)
        return tmp_path

    def file(self, path, mode):
        path.write_text("secret")
        path.chmod(mode)
        return path

    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_g1_its_owners_alone_passes_on_this_system(self, place, mode):
        self.file(place / "signer" / "keystore.json", mode)

        seen = security.look(scene())

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence["files"] == [f"{mode:03o} signer/keystore.json"]

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o666, 0o604, 0o700, 0o601, 0o000])
    def test_any_other_mode_fails(self, place, mode):
        self.file(place / "signer" / "keystore.json", mode)

        seen = security.look(scene())

        assert seen.status is Status.FAIL
        assert f"signer/keystore.json has mode {mode:03o}" in seen.reason

    @pytest.mark.parametrize("name", ["keys/channels.key", "keys/other", "signer/password", ".env"])
    def test_every_place_is_looked_at(self, place, name):
        self.file(place / name, 0o644)
        assert security.look(scene()).status is Status.FAIL

        (place / name).chmod(0o600)
        assert security.look(scene()).status is Status.PASS

    def test_a_link_is_judged_by_what_it_leads_to(self, place):
        self.file(place / "elsewhere", 0o644)
        (place / "signer" / "keystore.json").symlink_to(place / "elsewhere")

        assert security.look(scene()).status is Status.FAIL

    def test_a_folder_that_others_write_fails(self, place):
        self.file(place / "keys" / "channels.key", 0o600)
        (place / "keys").chmod(0o777)
        assert "keys/ may be written by others" in security.look(scene()).reason

        (place / "keys").chmod(0o755)
        assert security.look(scene()).status is Status.PASS

    def test_a_file_of_another_user_fails(self, place, monkeypatch):
        self.file(place / "keys" / "channels.key", 0o600)
        monkeypatch.setattr(os, "geteuid", lambda: 4711)

        assert "belongs to another user" in security.look(scene()).reason

    def test_our_own_key_file_is_made_as_it_has_to_be(self):
        from tests.plugins.data_dir import DATA_DIR

        made = DATA_DIR / "keys" / "django_secret_key"
        assert stat.S_IMODE(made.stat().st_mode) == 0o600


class TestNoPrivateKey:
    """Defect C6: the upstream bot wrote its key into the audit log, a .env and the repository."""

    @pytest.fixture(autouse=True)
    def place(self, db, settings, tmp_path):
        settings.CONFIG_DIR = tmp_path / "tree" / "config"
        settings.BASE_DIR = tmp_path / "tree"
        settings.DATA_DIR = tmp_path / "data"
        settings.SIGNER_KEYSTORE = tmp_path / "data" / "signer" / "keystore.json"
        for folder in (
            settings.CONFIG_DIR,
            settings.DATA_DIR / "logs",
            settings.DATA_DIR / "signer",
        ):
            folder.mkdir(parents=True)
        (settings.CONFIG_DIR / "venues.yaml").write_text('exchange: "0xabc"\n')
        return tmp_path

    def test_a_clean_place_passes(self, place):
        seen = security_secrets.look(scene())

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence["files"] == 1

    @pytest.mark.parametrize(
        ("where", "text"),
        [
            ("tree/.env", f"PRIVATE_KEY=0x{KEY}\n"),
            ("tree/.env.backup_20260101", f"export POLYARB_SIGNER_KEY={KEY}\n"),
            ("tree/data/audit/config_changes.jsonl", f'{{"PRIVATE_KEY": "0x{KEY}"}}\n'),
            ("tree/docs/notes.md", f"private key: {KEY}\n"),
            ("tree/config/profiles.yaml", f'PRIVATE_KEY: "0x{KEY}"\n'),
            ("data/logs/engine.log", f"config = {{'private_key': '{KEY}'}}\n"),
            ("data/reports/daily.md", f"wallet_key={KEY}\n"),
            ("tree/config/x.yaml", 'mnemonic: "test test test"\n'),
            ("data/logs/web.log", f"mnemonic: {'abandon ' * 11}about\n"),
        ],
    )
    def test_c6_a_planted_key_is_found_and_never_repeated(self, place, where, text):
        path = place / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

        seen = security_secrets.look(scene())

        assert seen.status is Status.FAIL
        assert path.name in seen.reason
        assert KEY not in str(seen)
        assert "abandon" not in str(seen)

    @pytest.mark.parametrize(
        "text",
        [f"sha256 = {KEY}", f"condition_id: 0x{KEY}", f"--hash=sha256:{KEY}", f"tx 0x{KEY}"],
    )
    def test_a_hash_is_no_key(self, place, text):
        (place / "tree" / "README.md").write_text(text)

        assert security_secrets.look(scene()).status is Status.PASS

    def test_our_own_key_is_found_under_any_name_also_in_tests(self, place, settings):
        settings.SIGNER_KEYSTORE.write_text(f'{{"address": "{ADDRESS[2:].lower()}"}}')
        (place / "tree" / "tests").mkdir()
        (place / "tree" / "tests" / "golden.json").write_text(f'{{"hash": "{KEY}"}}')

        seen = security_secrets.look(scene())

        assert seen.reason.endswith("tests/golden.json:1: the private key of our wallet")
        assert KEY not in str(seen)

    def test_the_invented_keys_of_tests_are_none_of_ours(self, place, settings):
        settings.SIGNER_KEYSTORE.write_text(f'{{"address": "{"0" * 38}aa"}}')
        (place / "tree" / "tests").mkdir()
        (place / "tree" / "tests" / "vectors.py").write_text(f'PRIVATE_KEY = "{KEY}"')

        assert security_secrets.look(scene()).status is Status.PASS

    def test_a_key_in_a_row_of_the_database_is_found(self, mandate):
        mandate.feed_options = {"private_key": KEY}
        mandate.save()

        seen = security_secrets.look(scene())

        assert "trading.Mandate.feed_options" in seen.reason
        assert KEY not in str(seen)

    def test_the_audit_masks_by_itself(self):
        from django.db import transaction

        with transaction.atomic():
            note(after={"PRIVATE_KEY": KEY, "note": f"private key {KEY}"})

        assert security_secrets.look(scene()).status is Status.PASS

    def test_what_there_was_no_time_for_is_unknown(self, monkeypatch):
        monkeypatch.setattr(security_secrets, "LOOK_MS", -1)

        seen = security_secrets.look(scene())

        assert seen.status is Status.UNKNOWN
        assert "the time was over" in seen.reason

    def test_this_repository_is_clean(self, settings):
        from tests.helpers.installation import ROOT

        scan = Scan(is_over=lambda: False)
        scan.folder(ROOT, quiet=security_secrets.INVENTED)

        assert scan.found == []
        assert scan.files > 500


@pytest.mark.django_db
class TestTheDedicatedWallet:
    def test_nobody_has_stated_it(self, mandate):
        assert security_account.dedicated_wallet(scene(phase=1)).status is Status.FAIL

    def test_stated_and_in_force_passes(self, mandate, operator):
        attest("main", "DEDICATED_WALLET", note="a new wallet", by=operator, at=NOON)

        seen = security_account.dedicated_wallet(scene(phase=1, now=NOON + timedelta(days=1)))

        assert seen.status is Status.PASS
        assert seen.evidence["by"] == "otto"

    def test_expired_or_taken_back_fails(self, mandate, operator):
        row = attest("main", "DEDICATED_WALLET", note="new", days=1, by=operator, at=NOON)
        late = scene(phase=1, now=NOON + timedelta(days=1))
        assert "expired" in security_account.dedicated_wallet(late).reason

        revoke(row, by=operator, at=NOON)
        assert "taken back" in security_account.dedicated_wallet(scene(phase=1)).reason

    def test_another_kind_is_no_statement_about_the_wallet(self, mandate, operator):
        attest("main", "RUNBOOK_READ", note="read", by=operator, at=NOON)

        assert security_account.dedicated_wallet(scene(phase=1)).status is Status.FAIL


@pytest.mark.django_db
class TestDefaultsAreOff:
    @pytest.fixture
    def owner(self, settings):
        settings.SECRET_KEY = "x7" * 30
        settings.DEBUG = False
        return User.objects.create(
            username="olga",
            is_superuser=True,
            is_staff=True,
            password=make_password("kR4-long-one"),
        )

    def look(self):
        return security_account.defaults_off(scene(phase=1))

    def test_a_chosen_password_and_safe_settings_pass(self, owner):
        seen = self.look()

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence["tried"] == 4

    def test_debug_fails(self, owner, settings):
        settings.DEBUG = True
        assert "POLYARB_DEBUG" in self.look().reason

    @pytest.mark.parametrize("key", ["short", "django-insecure-" + "x" * 60])
    def test_a_default_secret_key_fails(self, owner, settings, key):
        settings.SECRET_KEY = key
        assert self.look().status is Status.FAIL

    def test_every_name_being_allowed_fails(self, owner, settings):
        settings.ALLOWED_HOSTS = ["*"]
        assert self.look().status is Status.FAIL

    def test_the_one_time_password_fails_until_another_is_chosen(self, owner):
        one_time_password.give(owner)
        owner.save()
        assert self.look().reason == "olga still has the one-time password"

        owner.set_password("kR4-long-one")
        owner.save()
        assert self.look().status is Status.PASS

    def test_a_one_time_password_of_a_switched_off_account_harms_nobody(self, owner):
        gone = User(username="gone", is_staff=True, is_active=False)
        one_time_password.give(gone)
        gone.save()

        assert self.look().status is Status.PASS

    @pytest.mark.parametrize("word", ["admin", "password", "polyarb", "olga"])
    def test_a_common_password_fails(self, owner, word):
        owner.password = make_password(word)
        owner.save()

        assert self.look().reason == "olga has a common password"

    def test_passwords_that_could_not_be_tried_in_time_are_unknown(self, owner, monkeypatch):
        monkeypatch.setattr(security_account, "TIME_MS", -10_000)
        assert self.look().status is Status.UNKNOWN

        one_time_password.give(owner)  # what is known already is said all the same
        owner.save()
        assert self.look().status is Status.FAIL

    def test_without_a_superuser_it_fails(self, db):
        assert self.look().status is Status.FAIL

    def test_a_default_password_of_a_database_elsewhere_fails(self, owner, settings, monkeypatch):
        far = {"ENGINE": "django.db.backends.postgresql", "HOST": "db.example", "USER": "portal"}
        for password, problem in (("portal", True), ("", True), ("w8-Zq", False)):
            monkeypatch.setitem(settings.DATABASES, "default", {**far, "PASSWORD": password})
            assert bool(security_account._open_settings()) is problem, password
