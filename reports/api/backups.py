"""Backups over the API: the list, and asking for one."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import WRITE, Accepted, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import KeysetListView, person
from reports.api import examples, filters
from reports.api.shapes import BackupAsked, BackupBody, BackupRow
from reports.models import BackupRun
from reports.services.asking import ask_for_backup


class BackupListView(KeysetListView):
    """GET and POST /api/backups."""

    rules = {"GET": may("reports.view_backuprun"), "POST": may("reports.take_backup")}
    queryset = BackupRun.objects.all()
    filterset_class = filters.BackupFilters
    time_field = "started_at"
    columns = (
        *("id", "name", "kind", "state", "pinned", "pinned_reason", "size_bytes", "sha256"),
        *("encrypted", "second_target", "started_at", "finished_at", "verified_at", "taking_ms"),
        *("verifying_ms", "problem", "created_by"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one backup. Verified is what counts: it was restored and compared."""
        return {**values, "verified": values["state"] == BackupRun.State.VERIFIED}

    @endpoint(
        "listBackups",
        "List backups",
        tag="reports",
        example_call=curl("/api/backups?state=VERIFIED&limit=7"),
        answer=BackupRow(many=True),
        example=examples.BACKUP,
    )
    def get(self, request: Request) -> Response:
        """Backups with what became of each, newest first."""
        return super().get(request)

    @endpoint(
        "askForBackup",
        "Ask for a backup",
        tag="reports",
        example_call=curl("/api/backups", body='{"reason": "before the update"}'),
        body=BackupBody,
        answer=Accepted(BackupAsked),
        example={"asked": True},
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Ask for a backup; a job takes it, restores it into a scratch database and compares.

        It is the newest of the list within seconds. Refused when somebody has just asked.
        """
        values = self.body(BackupBody)
        ask_for_backup(by=person(request), reason=values.get("reason", ""))
        return Response({"asked": True}, status=202)
