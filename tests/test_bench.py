"""The benchmarks run, find what they have to find, and are what docs/BENCHMARKS.md says they are.

Nothing here judges how fast the machine is.
"""

import itertools
import json
import re

import pytest

from tests.bench import ROOT, Report, Settings, bundled_recording
from tests.bench import __main__ as command
from tests.bench.engine_path import _compare, time_engine
from tests.bench.loopback import Sink
from tests.bench.loopback_server import framed, pieces
from tests.bench.slow_reader import SlowReader
from tests.bench.stream import generate, recorded
from trading.adapters.wire import MarketDecoder

DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"


@pytest.fixture
def small(tmp_path):
    return Settings(frames=1_200, markets=12, rounds=1, build=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_a_benchmark_yields_every_figure_that_it_names(name, small):
    module = command.BENCHMARKS[name]

    report = module.run(small)

    assert set(report.values) == set(module.KEYS)
    assert report.problems == []


def test_without_the_other_engine_its_figures_are_empty_and_the_reason_is_told(tmp_path):
    settings = Settings(
        frames=50, markets=2, rounds=1, build=tmp_path, nautilus_python=tmp_path / "python"
    )

    report = command.BENCHMARKS["nautilus_path"].run(settings)

    assert set(report.values.values()) == {None}
    assert "not installed" in report.remarks[0]


def test_another_engine_that_does_not_start_leaves_its_figures_empty_too(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no such module' >&2\nexit 1\n")
    python.chmod(0o755)
    settings = Settings(frames=50, markets=2, rounds=1, build=tmp_path, nautilus_python=python)

    report = command.BENCHMARKS["nautilus_path"].run(settings)

    assert report.values["engine_vs_nautilus_ratio"] is None
    assert "ImportError: no such module" in report.remarks[0]


def test_the_stream_is_the_same_for_the_same_seed():
    one, other = (generate(300, markets=5, seed=7) for _ in range(2))

    assert one.frames == other.frames
    assert one.dump == other.dump
    assert one.frames != generate(300, markets=5, seed=8).frames


@pytest.mark.slow
def test_the_stream_holds_the_mix_that_it_promises():
    stream = generate(20_000, markets=50, seed=1)
    shares = {kind: stream.kinds.count(kind) / 20_000 for kind in set(stream.kinds)}

    assert shares["book"] == pytest.approx(0.05, abs=0.01)
    assert shares["last_trade_price"] == pytest.approx(0.005, abs=0.003)
    assert shares["price_change"] == pytest.approx(0.945, abs=0.01)
    changes = [json.loads(raw)["price_changes"] for raw in stream.frames if b"_changes" in raw]
    assert sum(len(part) == 1 for part in changes) / len(changes) == pytest.approx(0.1, abs=0.02)


@pytest.mark.slow
def test_the_engine_never_doubts_a_book_of_the_stream():
    stream = generate(5_000, markets=20, seed=3)

    engine = time_engine(stream).engine.engine

    books = [book for watch in engine.board.watches.values() for book in watch.books]
    assert {book.invalid_reason for book in books} == {""}
    assert engine.funnel.counts.confirmed > 0
    assert engine.sets.completed_count > 0


def test_every_frame_of_the_stream_is_of_a_known_type():
    stream = generate(2_000, markets=5, seed=4)
    decoder = MarketDecoder()

    for raw in stream.frames:
        decoder.decode(raw)

    assert set(decoder.counts) == {"price_change", "book", "last_trade_price"}


def test_the_slow_reader_finds_the_gaps_of_the_recording_as_its_description_counts_them():
    path = bundled_recording()
    assert path is not None
    stream = recorded(path)
    reader = SlowReader([(spec.condition_id, spec.token_ids, spec.fee) for spec in stream.specs])

    for raw in stream.frames:
        reader.frame(raw)

    assert (reader.confirmed, reader.positive) == (6, 2)


def test_a_gap_that_the_slow_reader_alone_finds_is_a_problem(monkeypatch):
    class Dreamer(SlowReader):
        def frame(self, raw):
            super().frame(raw)
            self.seen += 1

    monkeypatch.setattr("tests.bench.engine_path.SlowReader", Dreamer)
    report = Report()

    _compare(report, generate(100, markets=2, seed=1), "stream")

    assert report.values["stream_gaps_agree"] is False
    assert len(report.problems) == 1


def test_ready_made_frames_are_only_cut_between_two_of_them():
    frames = generate(1_500, markets=10, seed=1).frames

    cut = pieces(frames)

    assert len(cut) > 2
    assert b"".join(cut) == b"".join(framed(raw) for raw in frames)
    ends = set(itertools.accumulate(len(framed(raw)) for raw in frames))
    assert set(itertools.accumulate(len(piece) for piece in cut)) <= ends


class TestASinkThatComparesFrames:
    def given(self, stream, frames):
        sink = Sink(stream)
        sink.connections[1] = iter(stream.frames)
        for raw in frames:
            sink.on_frame(raw, 1)
        return sink

    def test_takes_the_frames_that_have_to_come(self):
        stream = generate(50, markets=2, seed=1)

        sink = self.given(stream, stream.frames)

        assert (sink.received, sink.out_of_order) == (50, 0)
        assert sink.done.is_set()

    def test_counts_two_frames_that_changed_places(self):
        stream = generate(50, markets=2, seed=1)
        frames = [stream.frames[1], stream.frames[0], *stream.frames[2:]]

        assert self.given(stream, frames).out_of_order == 2

    def test_is_not_done_when_a_frame_was_lost(self):
        stream = generate(50, markets=2, seed=1)

        sink = self.given(stream, stream.frames[:-1])

        assert not sink.done.is_set()


def run_command(monkeypatch, tmp_path, capsys, *, problems):
    class OnlyOne:
        KEYS = ("some_per_s",)

        @staticmethod
        def run(_settings):
            report = Report(problems=problems, remarks=["measured while it rained"])
            report.measure("some_per_s", [1.0, 2.0, 4.0])
            return report

    monkeypatch.setattr(command, "BENCHMARKS", {"only_one": OnlyOne})
    code = command.main(["only_one", "--frames", "10", "--out", str(tmp_path / "bench.json")])
    return code, json.loads((tmp_path / "bench.json").read_text()), capsys.readouterr().out


def test_the_command_prints_and_writes_each_figure_with_its_spread(monkeypatch, tmp_path, capsys):
    code, written, printed = run_command(monkeypatch, tmp_path, capsys, problems=[])

    assert code == 0
    assert written["some_per_s"] == 2.0
    assert written["spread"]["some_per_s"] == [1.0, 4.0, 3]
    assert written["stream"]["frames"] == 10
    assert {"at", "command", "revision", "machine"} <= set(written)
    assert "1.0 to 4.0 in 3 rounds" in printed
    assert "rained" in printed


def test_the_command_fails_when_a_benchmark_found_something_wrong(monkeypatch, tmp_path, capsys):
    code, written, printed = run_command(monkeypatch, tmp_path, capsys, problems=["1 dropped"])

    assert code == 1
    assert written["problems"] == ["1 dropped"]
    assert "WRONG: 1 dropped" in printed


def test_the_command_knows_no_other_benchmark(capsys):
    with pytest.raises(SystemExit):
        command.main(["weather"])

    assert "there is no benchmark 'weather'" in capsys.readouterr().err


def test_each_figure_of_the_document_is_one_that_a_benchmark_yields():
    named = re.findall(r"^\| `(\w+)`", DOCUMENT.read_text(), re.MULTILINE)
    known = {key for module in command.BENCHMARKS.values() for key in module.KEYS}

    assert len(named) > 10
    assert [key for key in named if key not in known] == []
