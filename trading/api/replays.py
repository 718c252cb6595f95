"""Replays: whether the journal of each day gives again what was done."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.serializers import Answer, DecimalTextField, MicroField
from polyarb_site.rest.views import KeysetListView
from trading.api import filters
from trading.engine.units import text_from_micro
from trading.models import ReplayRun

AMOUNTS = ("realised_micro", "ledger_micro")
EXAMPLE: dict[str, Any] = {
    "id": 91,
    "account": "main",
    "day": "2026-10-01",
    "session": "main-41",
    "at": "2026-10-02T00:20:04Z",
    "verdict": "SAME",
    "problem": "",
    "inputs": 1_204_112,
    "commands": 96_031,
    "last_sequence": 1_300_144,
    "complete": True,
    "sha256": "5f1d7b0c6a3b5c0a1e6f0a9c4b7d2e8f5f1d7b0c6a3b5c0a1e6f0a9c4b7d2e8f",
    "recorded_sha256": "5f1d7b0c6a3b5c0a1e6f0a9c4b7d2e8f5f1d7b0c6a3b5c0a1e6f0a9c4b7d2e8f",
    "realised_micro": 1_404_200,
    "realised": "1.4042",
    "ledger_micro": 1_404_200,
    "ledger": "1.4042",
    "different": 0,
    "differences": [],
    "version": "0.1.0",
    "took_ms": 31_004,
}


class ReplayDifferenceRow(Answer):
    """One place where journal and replay part; an empty text stands for nothing."""

    sequence = serializers.IntegerField(help_text="Number of the input's record.")
    recorded = serializers.CharField(allow_blank=True, help_text="What the journal has.")
    produced = serializers.CharField(allow_blank=True, help_text="What the engine says now.")


class ReplayRow(Answer):
    """One replay of one session, judged for one UTC day."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    day = serializers.DateField(help_text="In UTC.")
    session = serializers.CharField()
    at = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=ReplayRun.Verdict.values)
    problem = serializers.CharField(allow_blank=True)
    inputs = serializers.IntegerField(help_text="Of that day.")
    commands = serializers.IntegerField(help_text="What the engine said to them.")
    last_sequence = serializers.IntegerField(help_text="Record up to which it was replayed.")
    complete = serializers.BooleanField(help_text="The journal was closed in order.")
    sha256 = serializers.CharField(allow_blank=True, help_text="Of the commands as replayed.")
    recorded_sha256 = serializers.CharField(allow_blank=True, help_text="As the journal has them.")
    realised_micro = MicroField(allow_null=True, help_text="Replayed result of that day.")
    realised = DecimalTextField(allow_null=True)
    ledger_micro = MicroField(allow_null=True, help_text="The same in the ledger.")
    ledger = DecimalTextField(allow_null=True)
    different = serializers.IntegerField(help_text="Commands that are not as they were.")
    differences = ReplayDifferenceRow(many=True, help_text="The first of them.")
    version = serializers.CharField(help_text="Of the program that replayed.")
    took_ms = serializers.IntegerField()


class ReplayListView(KeysetListView):
    """GET /api/replays."""

    rules = {"GET": may("trading.view_replayrun")}
    queryset = ReplayRun.objects.all()
    filterset_class = filters.ReplayFilters
    time_field = "at"
    columns = (
        *("id", "account", "day", "session__key", "at", "verdict", "problem", "inputs"),
        *("commands", "last_sequence", "complete", "sha256", "recorded_sha256", *AMOUNTS),
        *("different", "differences", "version", "took_ms"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one replay."""
        values["session"] = values.pop("session__key")
        for name in AMOUNTS:
            micro = values[name]
            text = None if micro is None else text_from_micro(micro)
            values[name.removesuffix("_micro")] = text
        return values

    @endpoint(
        "listReplays",
        "List replays",
        tag="facts",
        example_call=curl("/api/replays?verdict=DIFFERENT"),
        answer=ReplayRow(many=True),
        example=EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Nightly replays of each session of the day before, newest first.

        SAME: every command came out as it was recorded, byte for byte, and the day's result is that
        of the ledger.
        """
        return super().get(request)
