"""Bringing in a PolyArb-X folder: each file as a whole, twice without effect, and no secret."""

import json

import pytest
from django.apps import apps

from alerts.models import RuleRevision
from alerts.services import import_rules
from checks.services.foreign_files import Kind, Outcome
from checks.services.importing import import_folder
from polyarb_site.audit.models import AuditEvent
from tests.checks.foreign_folder import CANARIES, PROFILES, WORDS, build, market, write
from tests.conftest import NOON
from tests.helpers.audit import chain
from trading.models import Mandate, Market, Profile
from trading.services import NotPermitted, import_profiles

pytestmark = pytest.mark.django_db


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


def counted():
    """Return how many rows each table has."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def everything_stored():
    return "\n".join(
        repr(row) for model in apps.get_models() for row in model._default_manager.values()
    )


class TestProfiles:
    def test_all_eleven_are_taken_over_their_base(self, folder):
        report = load(folder)

        taken = [one for one in report.files if one.kind is Kind.PROFILE]
        assert len(taken) == len(PROFILES) == 11
        assert {one.outcome for one in taken} == {Outcome.TAKEN}
        rows = {row.name: row.values for row in Profile.objects.all()}
        assert set(rows) == set(PROFILES)
        assert (rows["aggressive"]["TRADE_SIZE"], rows["aggressive"]["DRY_RUN"]) == ("20", "true")
        assert (rows["live_safe"]["TRADE_SIZE"], rows["live_safe"]["DRY_RUN"]) == ("2", "false")
        assert rows["sandbox"]["MAX_SLIPPAGE"] == "0.01"  # as their config.yaml says

    def test_what_was_left_out_is_said_by_name(self, folder):
        report = load(folder)

        outcome, text = told(report, "config/profiles/maker.yaml")
        assert outcome == "TAKEN"
        for name in ("MARKET_MAKING_ENABLED", "tags", "POLYGON_RPC_URL"):
            assert name in text
        outcome, text = told(report, "config/config.yaml")
        assert outcome == "TAKEN"
        assert "DRY_RUN was taken as true" in text
        assert "LOG_FILE" in text

    def test_nothing_is_applied(self, folder, mandate):
        load(folder)

        assert Mandate.objects.get().profile is None

    def test_that_of_a_phase_is_pointed_out(self, folder):
        _, text = told(load(folder), "config/profiles/live_safe_atomic_v1.yaml")

        assert "it is the profile of a phase here" in text

    def test_our_own_file_of_that_name_comes_back_by_nobody(self, folder, settings):
        """Seeding runs at each start: it must not undo what was imported, nor be undone by it."""
        import_profiles(settings.CONFIG_DIR, by_name="seed", at=NOON)
        load(folder)
        count = Profile.objects.count()

        assert import_profiles(settings.CONFIG_DIR, by_name="seed", at=NOON).created == []
        load(folder)
        assert Profile.objects.count() == count

    def test_those_that_people_made_say_so_in_their_name(self, folder):
        write(folder, "config/profiles/custom/mine.yaml", 'TRADE_SIZE: "3"\n')
        load(folder)

        assert Profile.objects.get(name="custom_mine").values["TRADE_SIZE"] == "3"

    def test_a_folder_that_is_the_configuration_alone_is_taken_too(self, folder):
        report = load(folder / "config")

        assert told(report, "profiles/taker.yaml")[0] == "TAKEN"
        assert told(report, "config.yaml")[0] == "TAKEN"

    def test_a_base_that_cannot_be_used_does_not_stop_the_profiles(self, folder):
        write(folder, "config/config.yaml", 'TRADE_SIZE: "a lot"\n')
        report = load(folder)

        outcome, text = told(report, "config/config.yaml")
        assert outcome == "REFUSED"
        assert "TRADE_SIZE" in text
        assert "polyarb-import-" not in text
        assert told(report, "config/profiles/taker.yaml")[0] == "TAKEN"


class TestRules:
    def test_those_for_production_are_taken_and_the_others_not(self, folder):
        report = load(folder)

        outcome, text = told(report, "config/alerts.production.yaml")
        assert outcome == "TAKEN"
        assert "rule WS_DISCONNECTED r1, in force from now on" in text
        assert "what its actions name was left" in text
        assert told(report, "config/alerts.yaml")[0] == "LEFT"
        assert RuleRevision.objects.get(rule_id="WS_DISCONNECTED").values["name"] == "Feed gone"

    def test_without_those_for_production_the_others_are_taken(self, folder):
        (folder / "config/alerts.production.yaml").unlink()
        report = load(folder)

        assert told(report, "config/alerts.yaml")[0] == "TAKEN"

    def test_with_a_secret_in_what_would_be_kept_are_refused(self, folder):
        rules = folder / "config/alerts.production.yaml"
        rules.write_text(rules.read_text().replace("Feed gone", f"Feed of {CANARIES[0]}"))
        report = load(folder)

        outcome, text = told(report, "config/alerts.production.yaml")
        assert outcome == "REFUSED"
        assert "rules[0].name holds a secret" in text
        assert CANARIES[0][2:30] not in text + everything_stored()
        assert RuleRevision.objects.count() == 0

    def test_one_that_no_longer_stops_trading_is_pointed_out(self, folder, settings):
        ours = settings.CONFIG_DIR / "alerts.production.yaml"
        import_rules(ours, by_name="seed", at=NOON)
        rules = folder / "config/alerts.production.yaml"
        rules.write_text(rules.read_text().replace("      - type: stop_trading\n", ""))

        _, text = told(load(folder), "config/alerts.production.yaml")

        assert "WS_DISCONNECTED stopped trading before, and does not any more" in text
        assert "HIGH_REJECT_RATE stopped" not in text
        # And our own file, which the next start reads again, does not take them back.
        assert import_rules(ours, by_name="seed", at=NOON).created == []


class TestLogOfChanges:
    """C6: the log held the wallet's key in every line."""

    def records(self):
        return list(AuditEvent.objects.filter(action="polyarb.config_change").order_by("sequence"))

    def test_each_line_becomes_a_record_that_says_it_was_imported(self, folder):
        report = load(folder)

        assert told(report, "data/audit/config_changes.jsonl")[0] == "TAKEN"
        records = self.records()
        assert len(records) == 3
        assert records[0].at == NOON
        assert records[0].actor_name == "test"
        assert records[0].after == {
            "imported": True,
            "from": "PolyArb-X",
            "recorded_at": "2026-02-01T10:00:00.000001",
            "applied_by": "user",
            "profile": "live_safe_atomic_v1",
            "rolled_back_from": None,
            "changed": {
                "TRADE_SIZE": {"old": "10", "new": "2"},
                "DRY_RUN": {"old": "true", "new": "false"},
                "MAX_SLIPPAGE": {"old": "0.02", "new": "0.025"},
            },
            "changed_besides": 2,
            "risks": ["SWITCH_TO_LIVE"],
        }

    def test_that_it_holds_a_key_is_said_and_the_key_is_not(self, folder):
        _, text = told(load(folder), "data/audit/config_changes.jsonl")

        assert "3 lines hold a key or a password: none was taken" in text

    def test_lines_that_are_none_are_named_and_the_others_taken(self, folder):
        file = folder / "data/audit/config_changes.jsonl"
        file.write_text('{"torn\n[1]\n' + "[" * 100_000 + "\n" + file.read_text())

        outcome, text = told(load(folder), "data/audit/config_changes.jsonl")

        assert outcome == "TAKEN"
        for line in (1, 2, 3):
            assert f"line {line} is" in text
        assert len(self.records()) == 3

    def test_a_name_that_is_a_path_or_a_key_is_not_taken_for_one(self, folder):
        line = {"profile_name": "\x1b[2J../../etc/x", "applied_by": CANARIES[0], "diff": []}
        write(folder, "data/audit/config_changes.jsonl", json.dumps(line))
        load(folder)

        (record,) = self.records()
        assert record.after["profile"] is None
        assert record.after["applied_by"] is None

    def test_a_value_that_is_no_amount_is_not_taken(self, folder):
        line = {"diff": {"TRADE_SIZE": {"old": WORDS, "new": "2"}}, "timestamp": WORDS}
        write(folder, "data/audit/config_changes.jsonl", json.dumps(line))
        load(folder)

        (record,) = self.records()
        assert record.after["changed"] == {"TRADE_SIZE": {"old": None, "new": "2"}}
        assert record.after["recorded_at"] is None

    def test_the_chain_holds_afterwards(self, folder):
        load(folder)
        assert chain().broken is None


class TestMarkets:
    def test_are_kept_by_name_and_nothing_is_made_up(self, folder):
        report = load(folder)

        assert told(report, "data/active_markets.json")[0] == "TAKEN"
        row = Market.objects.get(slug="number-1")
        assert (row.tick_micro, row.min_order_size_micro, row.fee_rate_micro) == (0, 0, None)
        assert (row.state, row.source) == ("OPEN", "polyarb_x")
        assert Market.objects.get(slug="number-2").state == "CLOSED"  # its end has passed
        assert Market.objects.get(slug="number-3").state == "CLOSED"

    def test_what_the_feed_told_is_left_as_it_is(self, folder):
        known = market(1)
        Market.objects.create(
            condition_id=known["condition_id"],
            question="as the feed says",
            yes_token_id=known["token_id_yes"],
            no_token_id=known["token_id_no"],
            tick_micro=10_000,
            min_order_size_micro=5_000_000,
            source="polymarket",
            seen_at=NOON,
        )
        _, text = told(load(folder), "data/active_markets.json")

        assert "1 markets are known already" in text
        row = Market.objects.get(condition_id=known["condition_id"])
        assert (row.question, row.source) == ("as the feed says", "polymarket")

    @pytest.mark.parametrize(
        "values",
        [
            {"condition_id": "../../x"},
            {"condition_id": 7},
            {"token_id_yes": "1e9"},
            {"token_id_yes": str(10**70 + 4), "token_id_no": str(10**70 + 4)},
            {"token_id_no": str(10**70 + 2)},  # of the first one
            {"question": None},
        ],
        ids=str,
    )
    def test_one_that_cannot_be_is_left_and_the_others_taken(self, folder, values):
        markets = [market(1), market(2, **values), "no market"]
        write(folder, "data/active_markets.json", json.dumps(markets))
        outcome, text = told(load(folder), "data/active_markets.json")

        assert outcome == "TAKEN"
        assert "market 3: is no object" in text
        assert [row.slug for row in Market.objects.all()] == ["number-1"]


class TestAgain:
    def test_a_second_import_changes_nothing(self, folder):
        load(folder)
        before = counted()
        report = load(folder)

        assert counted() == before
        assert not [one for one in report.files if one.outcome is Outcome.TAKEN]
        assert by_path(report)["config/profiles/taker.yaml"].outcome is Outcome.UNCHANGED

    def test_a_dry_run_says_the_same_and_keeps_nothing(self, folder):
        before = counted()
        dry = load(folder, dry_run=True)
        assert counted() == before

        real = load(folder)
        assert [(one.path, one.outcome, one.taken) for one in dry.files] == [
            (one.path, one.outcome, one.taken) for one in real.files
        ]
        assert counted() != before

    def test_what_changed_meanwhile_is_taken_and_nothing_else(self, folder):
        load(folder)
        file = folder / "config/profiles/taker.yaml"
        file.write_text(file.read_text().replace('"8"', '"7"'))
        report = load(folder)

        taken = [one.path for one in report.files if one.outcome is Outcome.TAKEN]
        assert taken == ["config/config.yaml", "config/profiles/taker.yaml"]
        assert Profile.objects.get(name="taker", revision=2).values["TRADE_SIZE"] == "7"


class TestWhoMay:
    def test_the_role_admin(self, folder, admin_user):
        assert load(folder, by=admin_user, by_name="").refused == []

    def test_nobody_else(self, folder, operator, approver):
        for who in (operator, approver):
            with pytest.raises(NotPermitted):
                load(folder, by=who, by_name="")
        assert Profile.objects.count() == 0
