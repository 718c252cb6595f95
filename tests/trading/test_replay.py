"""The bundled recording through the whole engine, in the process and by the command."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from polyarb_site.yaml_files import read_yaml
from trading.adapters.recording import load_markets, markets_path, read_frames
from trading.adapters.replay import replay
from trading.config.schema import parse, to_limits
from trading.config.venues import venue_settings

RECORDING = next(Path(settings.RECORDINGS_DIR).glob("*.frames.jsonl.zst"))
# Counted by an independent reader in tests/feeds/test_excerpt.py.
GAPS = {"gaps_seen": 28, "gaps_confirmed": 6, "gaps_stale": 22, "gaps_positive_after_fees": 2}


def markets():
    venues = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    return load_markets(markets_path(RECORDING), venues.recordings)


def limits(**changes):
    base = read_yaml(settings.CONFIG_DIR / "config.yaml")
    return to_limits(parse({**base, **changes}, strict=True))


def run(*args, **options):
    out = StringIO()
    call_command("replay", *args, stdout=out, **options)
    return out.getvalue()


class TestTheRecordedExcerpt:
    def test_of_28_gaps_6_are_confirmed_and_2_survive_the_fee(self):
        """The 22 others are phantoms of a lagging leg: PolyArb-X would have traded on them."""
        found = json.loads(run(str(RECORDING), json=True))

        assert {name: found[name] for name in GAPS} == GAPS
        assert found["frames"] == found["book_frames"] + found["price_change_frames"] == 901
        assert found["refusals"]["LEGS_NOT_SAME_INSTANT"] == 22
        assert sum(found["refusals"].values()) == found["gaps_seen"]

    def test_the_same_recording_gives_the_same_hash(self):
        """PolyArb-X's replay read another path than its recorder wrote and found nothing (E33)."""
        first, second = (json.loads(run(str(RECORDING), json=True)) for _ in range(2))
        assert first == second
        assert len(first["result_hash"]) == 64

    def test_other_limits_give_another_result_from_the_real_book(self):
        """PolyArb-X's backtest could not lose: its profit was the expected one (E34)."""
        cheap = limits(
            MIN_PROFIT_THRESHOLD="0.001", GAS_PER_SET="0", SLIPPAGE_ALLOWANCE="0", TRADE_SIZE="10"
        )
        frames = (raw for raw, _ in read_frames(RECORDING))
        found = replay(frames, markets(), limits=cheap)

        assert found.sets_submitted == 2
        assert found.sets_completed == 2
        # Ten dollars buy ten sets each; 0.6 and 0.5 cents a set are left after the fee.
        assert 90_000 < found.realised_pnl_micro < 120_000

    def test_the_readable_form_says_the_same(self):
        text = run(str(RECORDING))
        assert "confirmed             6" in text
        assert "LEGS_NOT_SAME_INSTANT       22" in text


class TestRefused:
    def refused(self, *args, **options):
        with pytest.raises(CommandError) as error:
            run(*args, **options)
        assert error.value.returncode == 1
        return str(error.value)

    def test_a_recording_that_is_not_there(self, tmp_path):
        assert "cannot be read" in self.refused(str(tmp_path / "x.frames.jsonl.zst"))

    def test_a_name_that_is_no_recording(self, tmp_path):
        assert "its name ends in none of" in self.refused(str(tmp_path / "x.csv"))

    def test_a_torn_recording_names_the_line(self, tmp_path):
        torn = tmp_path / RECORDING.name
        torn.write_bytes(RECORDING.read_bytes()[:-2_000])
        markets_path(torn).write_bytes(markets_path(RECORDING).read_bytes())
        assert "line" in self.refused(str(torn))

    def test_a_profile_that_is_a_path(self):
        assert "only the characters" in self.refused(str(RECORDING), profile="../../x")

    def test_a_fee_that_is_no_number(self):
        assert "not a decimal number" in self.refused(str(RECORDING), fee_rate="seven")
