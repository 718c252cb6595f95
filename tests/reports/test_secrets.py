"""No secret ever gets into a backup: canaries are planted wherever the portal keeps one."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from polyarb_site import one_time_password
from polyarb_site.rest import tokens
from reports.backups import archive, metadata
from reports.backups.members import new_identity
from tests.reports.taking import folder, take

CANARY = "canary-7f3a91c2-not-to-be-seen"


def everything(row, where, identities=()):
    """Return all bytes of a backup, as they lie there and as they are inside."""
    told, _ = metadata.read(folder(row))
    scratch = where / f"plain-{row.name}"
    archive.unpack_all(folder(row), told, scratch, identities=identities)
    files = [path for path in (*folder(row).rglob("*"), *scratch.rglob("*")) if path.is_file()]
    names = "\n".join(str(path.relative_to(where)) for path in files)
    return names.encode() + b"\n".join(path.read_bytes() for path in files)


@pytest.fixture
def canaries(portal, settings):
    """Plant one at each place, in the data directory and beside what is backed up."""
    settings.DATA_DIR = portal
    places = {
        "signer/keystore.json": "keystore",
        "signer/password": "password",
        "signer/spend.json": "spend",
        "simulator/signer/keystore.json": "play",
        "keys/django_secret_key": "django",
        "keys/channels.key": "channels",
        "keys/relayer.json": "relayer",
        ".env": "environment",
        "config/.env": "config-env",
        "config/keystore.json": "config-keystore",
        "config/profiles/.secret.yaml.swp": "editor",
        "config/signer.key": "config-key",
        "journal/main/main-7/notes.txt": "journal",
        "journal/main/key.pem": "journal-key",
        "run/signer/signer.sock.token": "run",
    }
    for name, what in places.items():
        path = portal / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{CANARY}-{what}")
    (portal / "config" / "profiles" / "linked.yaml").symlink_to(portal / "keys" / "relayer.json")
    (portal / "journal" / "linked").symlink_to(portal / "keys")
    return portal


class TestFiles:
    def test_none_of_the_canaries_is_inside(self, canaries):
        """PolyArb-X copied the log that held its key into every backup (B2)."""
        found = everything(take(), canaries)

        assert CANARY.encode() not in found

    def test_the_search_would_find_one(self, canaries):
        (canaries / "config" / "profiles" / "mine.yaml").write_text(f"NOTE: {CANARY}\n")

        assert CANARY.encode() in everything(take(), canaries)

    def test_nor_is_anything_of_them_in_an_encrypted_one(self, canaries, settings):
        identity, recipient = new_identity()
        settings.BACKUP_RECIPIENT = str(recipient)
        row = take()

        assert row.state == "VERIFIED"
        found = everything(row, canaries, (identity,))
        assert CANARY.encode() not in found
        assert str(identity).encode() not in found


class TestColumns:
    def test_an_api_token_is_there_as_a_hash_only(self, portal, roles):
        user = User.objects.create(username="otto", is_staff=True)
        token = tokens.issue(user, by_name="test")

        assert token.encode() not in everything(take(), portal)

    def test_a_one_time_password_is_there_as_a_hash_only(self, portal):
        user = User(username="new")
        password = one_time_password.give(user)
        user.save()

        found = everything(take(), portal)
        assert password.encode() not in found

    def test_the_address_of_a_channel_is_encrypted_with_a_key_that_is_not_there(
        self, portal, admin_user, settings
    ):
        from alerts.models import Channel
        from alerts.services.channels import save_channel

        address = "https://example.org/hook/canary7f3a91c2"
        save_channel(
            "night", by=admin_user, kind="WEBHOOK", address={"url": address, "key": CANARY}
        )
        found = everything(take(), portal)

        assert Channel.objects.get().secret.encode() in found or connection.vendor != "sqlite"
        assert b"canary7f3a91c2" not in found
        assert CANARY.encode() not in found
        assert settings.CHANNEL_KEY_FILE.read_bytes().strip() not in found

    def test_the_password_of_the_database_is_not_told(self, portal):
        row = take()
        told = (folder(row) / metadata.FILE).read_bytes()

        assert connection.settings_dict["PASSWORD"] not in ("", None) or connection.vendor != (
            "postgresql"
        )
        assert b"127.0.0.1" not in told
        assert b"password" not in told.lower().replace(b"django_", b"")


def test_the_key_of_the_portal_itself_is_not_there(portal):
    assert settings.SECRET_KEY.encode() not in everything(take(), portal)
