"""Every event, command and fact survives the way to bytes and back; nothing else is let in."""

import dataclasses
import types
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.adapters import codec
from trading.engine.commands import RecordFact
from trading.engine.events import BookDelta, Tick
from trading.engine.facts import EngineNoted, Fact, OpportunityRepeated

SIGNED_64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a field's type; the types in the contract are few."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([_values(argument) for argument in arguments])
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return st.lists(_values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*[_values(argument) for argument in arguments])
    if hint is type(None):
        return st.none()
    if hint is bool:
        return st.booleans()
    if hint is int:
        return SIGNED_64
    if hint is str:
        return TEXTS
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return _messages(hint)


def _messages(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _values(hint) for name, hint in hints.items()})


ANY_MESSAGE = st.one_of([_messages(kind) for kind in codec.TYPES.values()])


class TestRoundTrip:
    @pytest.mark.parametrize("kind", codec.TYPES.values(), ids=codec.TYPES.keys())
    def test_each_type_comes_back_equal_from_both_formats(self, kind):
        @given(_messages(kind))
        def comes_back(message):
            packed = codec.from_msgpack(codec.to_msgpack(message))
            printed = codec.from_json(codec.to_json(message))
            assert packed == printed == message
            assert type(packed) is type(printed) is kind

        comes_back()

    def test_the_table_holds_every_member_of_the_three_unions(self):
        assert len(codec.TYPES) >= 30
        assert all(dataclasses.is_dataclass(kind) for kind in codec.TYPES.values())
        assert {kind.__name__ for kind in get_args(Fact)} == codec.FACT_NAMES

    def test_level_changes_stay_tuples_that_the_book_can_unpack(self):
        delta = BookDelta("condition", 1, (("token", True, 490_000, 0, 480_000, -1),))

        assert codec.from_msgpack(codec.to_msgpack(delta)) == delta

    def test_the_same_message_always_gives_the_same_bytes(self):
        fact = OpportunityRepeated(opportunity_id="o", frames=3, last_seen_ns=1)

        assert codec.to_msgpack(fact) == codec.to_msgpack(dataclasses.replace(fact))


class TestRefusals:
    def test_an_unknown_type_is_named(self):
        data = msgspec.msgpack.encode((codec.FORMAT_VERSION, "BookTornado", {}))

        with pytest.raises(codec.UnknownTypeError, match="BookTornado"):
            codec.from_msgpack(data)

    def test_a_recorded_event_is_no_fact(self):
        data = msgspec.msgpack.encode((codec.FORMAT_VERSION, "RecordFact/Tick", {}))

        with pytest.raises(codec.UnknownTypeError, match="RecordFact/Tick"):
            codec.from_msgpack(data)

    def test_another_version_names_both_versions(self):
        data = msgspec.msgpack.encode((codec.FORMAT_VERSION + 1, "Tick", {}))

        with pytest.raises(
            codec.UnknownVersionError, match=r"Tick has format version 2, .* reads 1"
        ):
            codec.from_msgpack(data)

    @pytest.mark.parametrize("data", [b"", b"\xc1", b"[]", b"\x93", b"null", b"[1,2,3]"])
    def test_bytes_that_are_no_message_are_refused_in_both_formats(self, data):
        with pytest.raises(codec.CodecError):
            codec.from_msgpack(data)
        with pytest.raises(codec.CodecError):
            codec.from_json(data)

    @pytest.mark.parametrize(
        "fields",
        [{}, {"opportunity_id": "o", "frames": "3", "last_seen_ns": 1}, {"frames": 1.5}, [1]],
    )
    def test_fields_that_are_missing_or_of_another_type_are_refused(self, fields):
        data = msgspec.json.encode((codec.FORMAT_VERSION, "OpportunityRepeated", fields))

        with pytest.raises(codec.CodecError, match="OpportunityRepeated is damaged"):
            codec.from_json(data)

    def test_a_number_beyond_64_bits_cannot_be_written(self):
        fact = OpportunityRepeated(opportunity_id="o", frames=2**64, last_seen_ns=1)

        with pytest.raises(codec.CodecError, match="OpportunityRepeated cannot be written"):
            codec.to_msgpack(fact)

    @pytest.mark.parametrize("thing", [object(), "Tick", Tick, {"a": 1}, None])
    def test_what_is_no_message_cannot_be_written(self, thing):
        with pytest.raises(codec.UnknownTypeError):
            codec.to_msgpack(thing)

    @given(ANY_MESSAGE, st.data())
    def test_a_cut_message_is_refused(self, message, data):
        whole = codec.to_msgpack(message)
        end = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))

        with pytest.raises(codec.CodecError):
            codec.from_msgpack(whole[:end])


def test_a_recorded_fact_keeps_its_envelope():
    note = EngineNoted(note_id="n", at_ns=1, level="INFO", code="RESUMED", text="on we go")

    assert codec.from_json(codec.to_json(RecordFact(fact=note))) == RecordFact(fact=note)
    assert codec.from_json(codec.to_json(note)) == note
