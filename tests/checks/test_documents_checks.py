"""Checks of the papers: there, of this version, and what people state of them."""

import sys
from datetime import timedelta
from types import ModuleType, SimpleNamespace

import pytest

from tests.checks.looking import BY_ID, look, status
from tests.conftest import NOON

STATED = ["documents.runbook_read", "documents.contacts_set", "documents.emergency_plan"]


class TestPresent:
    """G4: no check of any document."""

    CHECK = "documents.present"

    @pytest.fixture
    def docs(self, settings, tmp_path):
        settings.BASE_DIR = tmp_path
        folder = tmp_path / "docs"
        folder.mkdir()
        for name in ("PRODUCTION_PLAN", "GO_NO_GO_CHECKLIST", "PRODUCTION_RUNBOOK"):
            (folder / f"{name}.md").write_text("what to do, and when\n" * 20)
        return folder

    def test_three_documents_pass(self, docs):
        assert status(self.CHECK) == ("PASS", "3 documents are there")

    def test_one_that_is_gone_fails_by_name(self, docs):
        (docs / "PRODUCTION_PLAN.md").unlink()

        assert status(self.CHECK) == ("FAIL", "not there, or empty: PRODUCTION_PLAN.md")

    def test_one_that_says_nothing_fails(self, docs):
        (docs / "PRODUCTION_RUNBOOK.md").write_text("# Runbook\n")

        assert status(self.CHECK)[0] == "FAIL"

    def test_one_that_is_no_text_fails(self, docs):
        (docs / "PRODUCTION_RUNBOOK.md").write_bytes(b"\xff\xfe" * 400)

        assert status(self.CHECK)[0] == "FAIL"


class TestOfThisVersion:
    CHECK = "documents.of_this_version"

    def generator(self, monkeypatch, drift):
        module = ModuleType("checks.documents")
        module.drift = drift
        monkeypatch.setitem(sys.modules, "checks.documents", module)

    def test_without_drift_passes(self, monkeypatch):
        self.generator(monkeypatch, list)

        assert status(self.CHECK)[0] == "PASS"

    def test_with_drift_fails_and_says_which(self, monkeypatch):
        self.generator(monkeypatch, lambda: ["docs/PRODUCTION_PLAN.md: line 7 differs"])
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "PRODUCTION_PLAN.md: line 7 differs" in reason

    def test_without_a_generator_is_unknown(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "checks.documents", None)

        assert status(self.CHECK)[0] == "UNKNOWN"


class TestStatements:
    def stated(self, monkeypatch, found):
        asked = []

        def valid_attestation(account, kind, now):
            asked.append((account, str(kind), now))
            return found

        module = ModuleType("checks.selectors.attestations")
        module.valid_attestation = valid_attestation
        monkeypatch.setitem(sys.modules, "checks.selectors.attestations", module)
        return asked

    @pytest.mark.parametrize("check", STATED)
    def test_in_force_pass_with_who_and_until_when(self, monkeypatch, check):
        expires_at = NOON + timedelta(days=30)
        found = SimpleNamespace(pk=3, by_name="anna", at=NOON, expires_at=expires_at)
        asked = self.stated(monkeypatch, found)

        assert status(check) == ("PASS", "anna stated it, until 2026-04-01 12:00:00 UTC")
        assert asked == [("main", check.partition(".")[2].upper(), NOON)]

    @pytest.mark.parametrize("check", STATED)
    def test_that_nobody_makes_fail(self, monkeypatch, check):
        self.stated(monkeypatch, None)

        assert look(check).status == "FAIL"
        assert "Attestations" in BY_ID[check].remedy

    def test_that_cannot_be_read_are_unknown(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "checks.selectors.attestations", None)

        assert status("documents.runbook_read")[0] == "UNKNOWN"
