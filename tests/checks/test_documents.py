"""Documents that are made: they say what the machine obeys, and a test notices when they drift."""

import importlib.util

import pytest

from checks.catalogue.base import Category, Check, Priority, everywhere, passed, when_live
from checks.documents import files
from checks.documents.checklist import render_checklist, runbook_link
from checks.documents.configuration import render_configuration
from checks.documents.files import DOCUMENTS, Made, drift, write
from checks.documents.plan import LISTS, render_plan
from polyarb_site.dashboard.runbook import DOCUMENTS as SHOWN
from polyarb_site.dashboard.runbook import document
from polyarb_site.markdown import render
from tests.helpers.commands import run_command
from tests.helpers.not_yet import NOT_YET_MODULES
from trading.config.keys import KEYS
from trading.selectors.configuration import key_facts

PHASE = {
    "number": 1,
    "name": "Micro-Live",
    "mode": "LIVE",
    "profile": "live_safe_atomic_v1",
    "trade_size": "2",
    "planned_days": [14, 21],
    "goals": ["Show that what was seen on paper | in shadow holds with money."],
    "entry": [{"id": "wallet", "text": "A wallet of its own", "attestation": "DEDICATED_WALLET"}],
    "success": [
        {
            "id": "fill_rate",
            "text": "More than half of the sets are filled",
            "metric": "fill_ratio",
            "window": "phase",
            "comparison": ">",
            "bound": "0.5",
            "sample_min": 20,
        }
    ],
    "kill": [{"id": "daily_loss", "text": "A day lost more than $5"}],
    "exit": [],
}


def a_check(name="journal_whole", **changes):
    given = {
        "id": name,
        "category": Category.DATA,
        "title": "The journal has no gap",
        "needed": "0 gaps | and 0 flipped bits",
        "remedy": "restore it from a backup",
        "runbook": "journal",
        "priorities": everywhere(Priority.P0),
        "look": lambda _scene: passed("whole"),
    }
    return Check(**{**given, **changes})


def made_from_what_is_there():
    """Return the documents whose sources exist; the others are named in one place."""
    missing = [name for name in NOT_YET_MODULES if importlib.util.find_spec(name) is None]
    assert missing == list(NOT_YET_MODULES), "it is there now: take it out of not_yet.py"
    return [made for made in DOCUMENTS if not missing or made.name != "GO_NO_GO_CHECKLIST.md"]


class TestPlan:
    def test_has_each_phase_with_its_four_lists(self):
        headings = [one.text for one in render(render_plan([PHASE])).headings]

        assert "Phase 1: Micro-Live" in headings
        for _, title, _ in LISTS:
            assert f"{title} of phase 1" in headings

    def test_says_of_a_criterion_what_is_asked_and_how_it_is_judged(self):
        text = render_plan([PHASE])

        assert "| `fill_rate` | More than half of the sets are filled |" in text
        assert "`fill_ratio`; > 0.5; over phase | at least 20 |" in text

    def test_needs_only_id_and_text_of_a_criterion_and_shows_what_else_there_is(self):
        text = render_plan([PHASE])

        assert "| `daily_loss` | A day lost more than $5 | - | - |" in text
        assert "attestation DEDICATED_WALLET" in text

    def test_opens_with_all_phases_in_one_table(self):
        row = "| 1 | Micro-Live | LIVE | `live_safe_atomic_v1` | $2 | 14 to 21 |"

        assert row in render_plan([PHASE])

    def test_a_bar_in_a_text_stays_in_its_cell(self):
        assert "<td>" in render(render_plan([PHASE])).html
        assert "0 gaps \\| and" in render_checklist([a_check()])

    def test_the_same_phases_give_the_same_text(self):
        assert render_plan([PHASE]) == render_plan([dict(PHASE)])


class TestChecklist:
    def test_each_check_stands_in_each_phase_that_asks_it(self):
        text = render_checklist(
            [a_check(), a_check("key_signs", priorities=when_live(Priority.P0))]
        )

        assert text.count("`journal_whole`") == 4
        assert text.count("`key_signs`") == 3

    def test_a_row_says_what_is_asked_needed_and_how_to_put_it_right(self):
        row = next(line for line in render_checklist([a_check()]).splitlines() if "_whole" in line)

        assert row.split(" | ")[1:3] == ["P0", "The journal has no gap"]
        assert "restore it from a backup" in row
        assert "[runbook](PRODUCTION_RUNBOOK.md#journal)" in row

    def test_the_gravest_of_a_category_come_first(self):
        mild = a_check("disk_room", priorities=everywhere(Priority.P2))
        text = render_checklist([mild, a_check()])

        assert text.index("`journal_whole`") < text.index("`disk_room`")

    def test_how_many_there_are_is_counted_by_phase_and_priority(self):
        text = render_checklist([a_check(), a_check("k", priorities=when_live(Priority.P1))])

        assert "| 0, Shadow Production | 1 | 0 | 0 | 0 |" in text
        assert "| 3, Scaled-Live | 1 | 1 | 0 | 0 |" in text

    def test_a_link_to_an_alert_rule_is_one_that_a_repository_knows(self):
        link = runbook_link("rule-backup_overdue")

        assert link == "[runbook](PRODUCTION_RUNBOOK.md#backup_overdue)"
        assert runbook_link("") == ""


class TestConfiguration:
    def test_every_key_is_there_with_type_unit_range_default_and_purpose(self):
        lines = render_configuration(key_facts()).splitlines()

        for key in KEYS.values():
            row = next(line for line in lines if line.startswith(f"| `{key.name}` |"))
            assert key.help in row
            assert row.count(" | ") == 5

    def test_ranges_and_defaults_are_the_schema_s_own(self):
        text = render_configuration(key_facts())

        assert "| amount | $ | `0.01` to `10000` | `1` |" in text
        assert "| gas price | wei | `1000000000` to `10000000000000` | `500000000000` |" in text
        assert "| word | - | `eip1559` or `legacy` | `eip1559` |" in text

    def test_what_this_engine_has_not_may_only_be_off(self):
        facts = {one.name: one for one in key_facts()}

        assert facts["MARKET_MAKING_ENABLED"].words == ("false",)
        assert facts["DRY_RUN"].words == ("true", "false")

    def test_ceilings_stand_by_phase(self):
        text = render_configuration(key_facts())

        assert "| `TRADE_SIZE` | $ | `6` | `6` | `20` |" in text
        assert "| `MAX_DAILY_LOSS` | $ | `3` | `5` | `20` |" in text


class TestDrift:
    @pytest.fixture
    def place(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "folder", lambda: tmp_path)
        return tmp_path

    def test_the_documents_of_the_repository_are_of_this_version(self):
        assert drift(made_from_what_is_there()) == []

    def test_one_that_is_not_there_is_named(self, place):
        assert drift([Made("A.md", lambda: "a\n")]) == [
            "docs/A.md is not there; write it: manage.py write_documents"
        ]

    def test_one_that_was_edited_is_named_with_its_line(self, place):
        made = [Made("A.md", lambda: "a\nb\n")]
        write(made)
        assert drift(made) == []

        (place / "A.md").write_text("a\nB\n")
        assert drift(made)[0].startswith("docs/A.md differs from line 2 on")

    def test_one_that_ends_early_is_named_too(self, place):
        (place / "A.md").write_text("a\n")

        assert "line 2" in drift([Made("A.md", lambda: "a\nb\n")])[0]

    def test_writing_touches_only_what_differs(self, place):
        made = [Made("A.md", lambda: "a\n"), Made("B.md", lambda: "b\n")]

        assert write(made) == ["A.md", "B.md"]
        assert write(made) == []


class TestCommand:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path, monkeypatch):
        made = (Made("A.md", lambda: "a\n"),)
        monkeypatch.setattr(files, "folder", lambda: tmp_path)
        monkeypatch.setattr(files.drift, "__defaults__", (made,))
        monkeypatch.setattr(files.write, "__defaults__", (made,))
        return tmp_path

    def test_check_ends_with_1_names_the_drift_and_writes_nothing(self, place):
        status, _, err = run_command("write_documents", "--check")

        assert (status, "docs/A.md is not there" in err) == (1, True)
        assert not (place / "A.md").exists()

    def test_writes_and_then_everything_is_right(self, place):
        assert run_command("write_documents") == (0, "written: docs/A.md\n", "")
        assert run_command("write_documents", "--check")[0] == 0


class TestPages:
    """Where people read them: inside the portal."""

    @pytest.mark.parametrize("name", ["plan", "configuration"])
    def test_is_shown_with_a_table_of_contents(self, name, client, viewer, mandate):
        client.force_login(viewer)
        page = client.get(f"/admin/documents/{name}/").content.decode()

        title, path = SHOWN[name]
        assert path.read_text().splitlines()[0].removeprefix("# ") in page
        assert f'<a href="/admin/documents/{name}/" aria-current="true">{title}</a>' in page
        assert '<a href="/admin/runbook/" >Runbook</a>' in page

    def test_its_links_to_the_runbook_lead_to_the_page_of_the_runbook(
        self, client, viewer, mandate
    ):
        client.force_login(viewer)
        page = client.get("/admin/documents/plan/").content.decode()

        assert 'href="/admin/runbook/#roll-back"' in page
        assert "PRODUCTION_RUNBOOK.md" not in page

    def test_the_three_are_the_three_that_are_made(self):
        assert [path.name for _, path in SHOWN.values()] == [made.name for made in DOCUMENTS]

    def test_another_name_is_not_found(self, client, viewer, mandate):
        client.force_login(viewer)

        assert client.get("/admin/documents/secrets/").status_code == 404
        assert client.get("/admin/documents/../runbook/").status_code in (301, 404)

    def test_is_for_those_who_may_read_the_portal(self, client, nobody, mandate):
        assert client.get("/admin/documents/plan/").status_code == 302
        client.force_login(nobody)

        assert client.get("/admin/documents/plan/").status_code == 403

    def test_answers_no_post(self, client, viewer, mandate):
        client.force_login(viewer)

        assert client.post("/admin/documents/plan/").status_code == 405


def test_each_section_that_a_document_links_to_is_in_the_runbook():
    known = {one.slug for one in document().headings}
    linked = {
        part.split(")")[0]
        for made in made_from_what_is_there()
        for part in made.text().split("](PRODUCTION_RUNBOOK.md#")[1:]
    }

    assert "roll-back" in linked
    assert linked <= known
