"""No secret gets into the audit, by whatever name and wherever it stands."""

import pytest

from polyarb_site.audit.chain import hash_row
from polyarb_site.audit.models import AuditEvent
from tests.helpers.audit import KEY, note

# From the test vectors of the standard.
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.mark.django_db
class TestSecrets:
    @pytest.mark.parametrize(
        "name",
        [
            *("PRIVATE_KEY", "private_key", "privateKey", "secret", "client-secret", "password"),
            *("passphrase", "mnemonic", "seed_phrase", "api_key", "apikey", "Authorization"),
            *("access_token", "token", "WEBHOOK_TOKEN", "cookie", "credentials", "signing key"),
        ],
    )
    def test_is_masked_by_its_name_at_any_depth(self, name):
        event = note(before={name: "hunter2"}, after={"list": [{"deep": {name: "hunter2"}}]})

        assert "hunter2" not in repr((event.before, event.after))

    @pytest.mark.parametrize(
        "text",
        [
            KEY,
            KEY[2:],
            KEY.upper().replace("0X", "0x"),
            f"the key is {KEY}, keep it",
            f"key={KEY[2:]};",
            "postgres://portal:hunter2@db/portal",
            PHRASE,
            f"My phrase: {PHRASE.title()}!",
            " ".join(f"{index}. {word}" for index, word in enumerate(PHRASE.split(), 1)),
            " ".join(["abandon"] * 23 + ["art"]),
        ],
    )
    @pytest.mark.parametrize("place", ["reason", "target", "actor_name", "before", "after"])
    def test_is_masked_by_its_look_wherever_it_stands(self, text, place):
        value = {"note": text} if place in ("before", "after") else text
        event = note(**{place: value})
        row = AuditEvent.objects.values().get(pk=event.pk)

        for secret in (KEY[2:], KEY[2:].upper(), "hunter2", "sausage", "Sausage", "abandon"):
            assert secret not in repr(row)
        assert "[masked]" in repr(row)

    def test_a_phrase_in_a_list_is_masked(self):
        assert note(after={"words": PHRASE.split()}).after == {"words": "[masked]"}

    def test_a_key_as_a_number_is_masked(self):
        assert note(after={"number": int(KEY, 16)}).after == {"number": "[masked]"}

    def test_a_key_as_the_name_of_a_field_is_masked(self):
        assert KEY not in repr(note(after={KEY: "x"}).after)

    def test_what_is_public_stays_readable(self):
        public = {
            "sha256": KEY[2:],
            "order_hash": KEY,
            "condition_id": KEY,
            "yes_token_id": "7" * 77,
            "profile": {"name": "live_safe_atomic_v1", "revision": 3, "sha256": KEY[2:]},
            "address": "0x" + "ab" * 20,
            "reason": "the feed went quiet while three markets showed gaps nobody could explain",
            "password": "",
            "token": None,
        }
        assert note(after=public).after == public

    def test_the_masked_form_is_what_is_hashed(self):
        event = note(after={"password": "hunter2"})

        assert hash_row(AuditEvent.objects.get(pk=event.pk)) == event.sha256
