"""The configuration reader: what it reads, and each thing that it refuses by name and line."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyarb_site import yaml_files
from polyarb_site.yaml_files import ConfigError, Where, read_named, read_yaml, require_keys

GOOD = """\
# Base of all profiles.
DRY_RUN: true
TRADE_SIZE: "1"
MAX_RETRIES: 3
MAX_GAS_PRICE: 500000000000
note: >
  two lines,
  one text
empty:
tags: [live, 'phase-1', micro live]
limits:
  steps:
    - {at: "5", then: -2}
    - name: "yes"
"""


def write(directory: Path, text: str | bytes, name: str = "config.yaml") -> Path:
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(directory: Path, text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_yaml(write(directory, text))
    return caught.value


class TestWhatItReads:
    def test_every_kind_of_value(self, tmp_path):
        assert read_yaml(write(tmp_path, GOOD)) == {
            "DRY_RUN": True,
            "TRADE_SIZE": "1",
            "MAX_RETRIES": 3,
            "MAX_GAS_PRICE": 500_000_000_000,
            "note": "two lines, one text\n",
            "empty": None,
            "tags": ["live", "phase-1", "micro live"],
            "limits": {"steps": [{"at": "5", "then": -2}, {"name": "yes"}]},
        }

    @pytest.mark.parametrize("text", ["a: ~", "a: null", "a: NULL", "a:"])
    def test_null(self, tmp_path, text):
        assert read_yaml(write(tmp_path, text)) == {"a": None}

    @pytest.mark.parametrize("quoted", ['"0.1"', "'no'", '"010"', '"1:30"', "'2026-10-01'", '"<<"'])
    def test_what_is_quoted_is_text(self, tmp_path, quoted):
        assert read_yaml(write(tmp_path, f"a: {quoted}")) == {"a": quoted[1:-1]}

    @pytest.mark.parametrize("plain", ["phase-1", "0xyz", "1.2.3", "v1.0", "e5", "::1", "on time"])
    def test_plain_text_stays_text(self, tmp_path, plain):
        assert read_yaml(write(tmp_path, f"a: {plain}")) == {"a": plain}

    def test_other_alphabets_and_a_byte_order_mark(self, tmp_path):
        assert read_yaml(write(tmp_path, "\ufeffname: 告警 €\n")) == {"name": "告警 €"}


class TestDecimalsOfForeignFiles:
    @pytest.mark.parametrize("text", ["1.0", "0.05", "-2.50", "1e9", ".5", "1.", "00.10"])
    def test_are_text_digit_for_digit_on_request(self, tmp_path, text):
        path = write(tmp_path, f"a: {text}")

        assert read_yaml(path, decimals_as_text=True) == {"a": text}
        assert read_named(tmp_path, "config", decimals_as_text=True) == {"a": text}

    @pytest.mark.parametrize("text", ["010", ".inf", ".nan", "1_000.5", "1:30.5", "yes"])
    def test_other_surprises_stay_refused(self, tmp_path, text):
        with pytest.raises(ConfigError):
            read_yaml(write(tmp_path, f"a: {text}"), decimals_as_text=True)


class TestSurprises:
    @pytest.mark.parametrize("text", ["0.1", "1.0", "-1.5", "1e9", "500e9", ".5", "1.", "1.5E+3"])
    def test_a_float_is_refused(self, tmp_path, text):
        error = refusal(tmp_path, f"first: 1\nlimit: {text}\n")

        assert error.field == "limit"
        assert error.problem == f"line 2: {text!r} is a number with a fraction or an exponent"
        assert "quotes" in error.remedy

    @pytest.mark.parametrize("text", [".inf", "-.inf", ".NaN"])
    def test_infinity_is_refused(self, tmp_path, text):
        assert "not a finite number" in refusal(tmp_path, f"a: {text}").problem

    @pytest.mark.parametrize("text", ["yes", "No", "ON", "off", "y", "N"])
    def test_yes_and_no_are_refused(self, tmp_path, text):
        error = refusal(tmp_path, f"a: {text}")

        assert "truth value" in error.problem
        assert "true or false" in error.remedy

    @pytest.mark.parametrize("text", ["010", "-007", "0x1F", "0o17", "0b11", "1_000", "1_000.5"])
    def test_octal_hex_and_underscores_are_refused(self, tmp_path, text):
        assert refusal(tmp_path, f"a: {text}").field == "a"

    @pytest.mark.parametrize("text", ["1:30", "23:59:59", "190:20:30.15"])
    def test_the_base_of_sixty_is_refused(self, tmp_path, text):
        assert "sixty" in refusal(tmp_path, f"a: {text}").problem

    @pytest.mark.parametrize("text", ["2026-10-01", "2026-1-1", "2026-10-01T12:00:00Z"])
    def test_dates_are_refused(self, tmp_path, text):
        assert "date" in refusal(tmp_path, f"a: {text}").problem

    def test_merge_keys_are_refused(self, tmp_path):
        assert "merge" in refusal(tmp_path, "<<: {a: 1}").problem

    def test_the_longest_number_is_read(self, tmp_path):
        assert read_yaml(write(tmp_path, f"a: {'9' * 30}")) == {"a": 10**30 - 1}

    @pytest.mark.parametrize("digits", [31, 5000])
    def test_an_endless_number_is_refused(self, tmp_path, digits):
        assert "more than 30 digits" in refusal(tmp_path, f"a: {'9' * digits}").problem


class TestStructure:
    def test_a_key_that_stands_twice_is_refused_with_its_path(self, tmp_path):
        error = refusal(tmp_path, "limits:\n  day: 1\n  week: 2\n  day: 3\n")

        assert (error.field, error.problem) == ("limits.day", "line 4: stands twice")

    @pytest.mark.parametrize("key", ["1", "true", "~", "? [a]\n", "? {a: 1}\n"])
    def test_a_key_that_is_no_text_is_refused(self, tmp_path, key):
        assert "not a text" in refusal(tmp_path, f"{key}: 1").problem

    def test_the_path_counts_list_items_from_zero(self, tmp_path):
        assert refusal(tmp_path, "steps:\n- {at: 1}\n- {at: no}\n").field == "steps[1].at"

    @pytest.mark.parametrize("text", ["a: &x 1", "a: &x [1]", "a: *x", "&x a: 1", "&x {a: 1}"])
    def test_anchors_and_aliases_are_refused(self, tmp_path, text):
        assert "anchors" in refusal(tmp_path, text).problem

    def test_a_billion_laughs_end_at_the_first(self, tmp_path):
        laughs = ["a0: &a0 [ha, ha]"] + [
            f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
        ]

        assert refusal(tmp_path, "\n".join(laughs)).field == "a0"

    @pytest.mark.parametrize(
        "text",
        [
            "a: !!float 1",
            "a: !!python/object/apply:os.system [id]",
            "a: !own 1",
            "a: ! 1",
            "!!map {a: 1}",
            "a: !!binary aGE=",
        ],
    )
    def test_tags_are_refused(self, tmp_path, text):
        assert "tags" in refusal(tmp_path, text).problem

    @pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n"])
    def test_an_empty_file_is_refused(self, tmp_path, text):
        error = refusal(tmp_path, text)

        assert (error.field, error.problem) == ("(whole file)", "is empty")

    @pytest.mark.parametrize("text", ["- a\n", "just text", "42", "---\n"])
    def test_a_file_that_is_no_mapping_is_refused(self, tmp_path, text):
        assert refusal(tmp_path, text).problem == "is not a mapping"

    def test_a_second_document_is_refused(self, tmp_path):
        assert "several documents" in refusal(tmp_path, "a: 1\n---\nb: 2\n").problem

    def test_broken_yaml_is_refused_with_its_line(self, tmp_path):
        assert refusal(tmp_path, "a: 1\nb: [1, 2\nc: 3\n").problem.startswith("line 3: is not YAML")

    @pytest.mark.parametrize("text", [r'a: "\uD800"', r'a: "\0"', r'a: "\U00110000"', "a: \x07"])
    def test_text_that_nothing_could_store_is_refused(self, tmp_path, text):
        assert refusal(tmp_path, text).remedy


class TestLimits:
    def nested(self, levels: int) -> str:
        return "a: " + "[" * (levels - 1) + "]" * (levels - 1)

    def test_the_deepest_nesting_is_read(self, tmp_path):
        assert read_yaml(write(tmp_path, self.nested(yaml_files.DEPTH_MAX)))

    def test_one_level_deeper_is_refused(self, tmp_path):
        error = refusal(tmp_path, self.nested(yaml_files.DEPTH_MAX + 1))

        assert "nested deeper" in error.problem

    def test_the_largest_file_is_read(self, tmp_path):
        comment = "#" * (yaml_files.SIZE_BYTES_MAX - len("a: 1\n"))

        assert read_yaml(write(tmp_path, f"a: 1\n{comment}")) == {"a": 1}

    def test_one_byte_more_is_refused(self, tmp_path):
        comment = "#" * (yaml_files.SIZE_BYTES_MAX - len("a: 1\n") + 1)

        assert "larger than" in refusal(tmp_path, f"a: 1\n{comment}").problem

    def test_too_many_values_are_refused(self, tmp_path):
        items = "x," * yaml_files.VALUES_MAX

        assert "values" in refusal(tmp_path, f"a: [{items}]").problem

    @pytest.mark.parametrize("piece", ["[", "{", "a: [", "- ", "? ", "{a: "])
    def test_a_megabyte_of_nesting_is_refused_at_once(self, tmp_path, piece):
        text = "a: " + piece * (yaml_files.SIZE_BYTES_MAX // len(piece) - 3)

        started = time.monotonic()
        refusal(tmp_path, text)

        assert time.monotonic() - started < 10

    def test_a_hostile_key_does_not_flood_the_message(self, tmp_path):
        error = refusal(tmp_path, f'"{"k" * 900}": 0.1')

        assert error.field == "k" * 60 + "..."


class TestFiles:
    def test_a_missing_file_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match="No such file"):
            read_yaml(tmp_path / "absent.yaml")

    def test_a_directory_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match="not a regular file"):
            read_yaml(tmp_path)

    def test_a_named_pipe_is_refused_without_waiting(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.yaml")

        with pytest.raises(ConfigError, match="not a regular file"):
            read_yaml(tmp_path / "pipe.yaml")

    def test_a_device_is_refused(self):
        with pytest.raises(ConfigError, match="not a regular file"):
            read_yaml(Path("/dev/zero"))

    def test_other_encodings_are_refused(self, tmp_path):
        assert "byte 3" in refusal(tmp_path, b"a: \xe9").problem
        assert "UTF-8" in refusal(tmp_path, "a: 1".encode("utf-16")).problem


class TestNames:
    def test_a_file_is_read_by_name(self, tmp_path):
        write(tmp_path, "a: 1", "live_safe_v1.yaml")

        assert read_named(tmp_path, "live_safe_v1") == {"a": 1}

    @pytest.mark.parametrize(
        "name", ["../../x", "..", "", "a/b", "A", "a.b", "a\n", "a\0", "/etc/passwd", "ä", "-a"]
    )
    def test_what_is_no_name_is_refused(self, tmp_path, name):
        with pytest.raises(ConfigError, match="is not a file name"):
            read_named(tmp_path, name)

    def test_an_absent_file_is_refused_by_its_path(self, tmp_path):
        with pytest.raises(ConfigError, match=r"absent\.yaml: .*No such file"):
            read_named(tmp_path, "absent")

    def test_a_link_out_of_the_directory_is_refused(self, tmp_path):
        inside = tmp_path / "profiles"
        inside.mkdir()
        write(tmp_path, "secret: 1", "outside.yaml")
        (inside / "safe.yaml").symlink_to(tmp_path / "outside.yaml")

        with pytest.raises(ConfigError, match="leads out of its directory"):
            read_named(inside, "safe")

    def test_a_link_within_the_directory_is_followed(self, tmp_path):
        write(tmp_path, "a: 1", "real.yaml")
        (tmp_path / "alias.yaml").symlink_to("real.yaml")

        assert read_named(tmp_path, "alias") == {"a": 1}

    def test_a_link_to_itself_is_refused(self, tmp_path):
        (tmp_path / "loop.yaml").symlink_to("loop.yaml")

        with pytest.raises(ConfigError):
            read_named(tmp_path, "loop")


class TestKeys:
    WHERE = Where("phases.yaml").key("phases").item(2)

    def test_all_required_and_some_optional_keys_are_fine(self):
        require_keys({"name": "x", "days": 7}, ["name"], ["days", "note"], self.WHERE)

    def test_a_missing_key_is_refused(self):
        with pytest.raises(ConfigError) as caught:
            require_keys({"days": 7}, ["name"], ["days"], self.WHERE)

        assert str(caught.value) == (
            "phases.yaml: phases[2].name: missing; add it, it has no default"
        )

    def test_an_unknown_key_is_refused_with_the_nearest_known_one(self):
        with pytest.raises(ConfigError) as caught:
            require_keys({"MAX_DAYLY_LOSS": "1"}, [], ["MAX_DAILY_LOSS"], Where("a.yaml"))

        assert str(caught.value) == (
            "a.yaml: MAX_DAYLY_LOSS: unknown key; "
            "remove it or correct its name: did you mean MAX_DAILY_LOSS?"
        )

    def test_an_unknown_key_like_no_other_is_refused_with_all_known_ones(self):
        with pytest.raises(ConfigError, match="known are a1, b2"):
            require_keys({"zzzzzz": 1}, ["b2"], ["a1"], Where("a.yaml"))


SHARP = st.sampled_from(list("\0\t\n\r \"'&*!|>%@`{}[],:#?-~<=.0189eExyYnN\\uU_\ufeff\u2028é"))


class TestHostileFiles:
    @staticmethod
    def outcome(path: Path, data: bytes) -> dict[str, yaml_files.Value] | ConfigError:
        path.write_bytes(data)
        try:
            return read_yaml(path)
        except ConfigError as error:
            return error

    def check(self, path: Path, data: bytes) -> None:
        outcome = self.outcome(path, data)
        if isinstance(outcome, ConfigError):
            assert outcome.file == str(path)
            assert all((outcome.field, outcome.problem, outcome.remedy))
        else:
            assert all(isinstance(key, str) for key in outcome)
            assert not any(isinstance(value, float) for value in outcome.values())

    @settings(
        max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.binary(max_size=200) | st.text(SHARP, max_size=80).map(str.encode))
    def test_invented_ones_are_a_mapping_or_an_error(self, tmp_path, data):
        self.check(tmp_path / "hostile.yaml", data)

    @settings(
        max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        at=st.integers(0, len(GOOD)), cut=st.integers(0, 12), put=st.text(SHARP | st.characters())
    )
    def test_changed_good_ones_are_a_mapping_or_an_error(self, tmp_path, at, cut, put):
        changed = GOOD[:at] + put + GOOD[at + cut :]
        self.check(tmp_path / "hostile.yaml", changed.encode("utf-8", "surrogatepass"))
