"""The command, the files and the pages of reports."""

import csv
import io
import json
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from reports.files import write_files
from reports.models import DailyReport
from reports.render.html import page
from reports.render.report import document
from reports.services.daily import make_report
from reports.services.forms import MEDIA, form_of
from tests.helpers.days import DAY, Shape, invent, session_of
from tests.helpers.reports import make_daily

pytestmark = pytest.mark.django_db
LIST = reverse("admin:reports_dailyreport_changelist")


@pytest.fixture
def busy_day(mandate, profile):
    session = session_of(profile)
    invent(session, Shape(sets=20, gaps=60, samples=48))
    return session


@pytest.fixture
def report(busy_day):
    return make_daily(DAY.date())


def run(*words):
    out = io.StringIO()
    call_command("daily_report", *words, stdout=out)
    return out.getvalue()


class TestCommand:
    def test_shows_the_markdown_that_is_kept(self, busy_day):
        shown = run("--date", "20260302")

        assert shown == DailyReport.objects.get().markdown
        assert run("--date", "20260302") == shown
        assert run("--date", "2026-03-02") == shown
        assert DailyReport.objects.get().created_by.startswith("shell:")

    def test_shows_the_figures_for_programs(self, busy_day):
        told = json.loads(run("--date", "20260302", "--json"))

        assert told["figures"] == DailyReport.objects.get().figures
        assert (told["day"], told["revision"]) == ("2026-03-02", 1)

    def test_takes_yesterday_when_no_day_is_named(self, mandate):
        assert "# Daily report of" in run()

    @pytest.mark.parametrize(
        "words", [("--date", "2026-02-30"), ("--date", "20260230"), ("--account", "nobody")]
    )
    def test_refuses_what_it_cannot_take(self, words, mandate):
        with pytest.raises(CommandError):
            run(*words)

    def test_says_that_only_the_files_are_missing(self, busy_day, reports_dir):
        reports_dir.write_text("in the way")
        with pytest.raises(CommandError, match="its files are not written") as caught:
            run("--date", "20260302")

        assert caught.value.returncode == 2
        assert DailyReport.objects.count() == 1


class TestForms:
    @pytest.mark.parametrize("kind", MEDIA)
    def test_are_the_same_twice(self, kind, report):
        assert form_of(report, kind).content == form_of(report, kind).content

    def test_html_needs_nothing_beside_itself(self, report):
        text = form_of(report, "html").content.decode()

        assert text.count("<svg") == 5
        for outside in ("<script", "<link", "http://", "https://", "<img"):
            assert outside not in text.replace("http://www.w3.org/2000/svg", ""), outside

    def test_each_picture_is_well_formed_and_within_its_sheet(self, report):
        text = page(document(report.figures))
        for piece in text.split("<svg")[1:]:
            root = ET.fromstring(f"<svg{piece.split('</svg>')[0]}</svg>")
            _, _, width, height = map(int, root.attrib["viewBox"].split())
            for shape in root.iter():
                for name, most in (("x", width), ("y", height)):
                    assert 0 <= int(shape.attrib.get(name, 0)) <= most, shape.attrib
                points = shape.attrib.get("points", "").split()
                assert all(0 <= int(p.split(",")[0]) <= width for p in points)
                assert all(0 <= int(p.split(",")[1]) <= height for p in points)

    def test_each_chart_asks_in_its_title_and_answers(self, report):
        for chart in document(report.figures).charts:
            assert chart.title.endswith("?")
            assert chart.answer.endswith(".")

    def test_csv_has_every_number_to_its_last_digit(self, report):
        rows = list(csv.DictReader(io.StringIO(form_of(report, "csv").content.decode())))
        realised = next(row for row in rows if row["row"] == "Realised PnL")

        micro = report.figures["money"][0]["realised"]["total_micro"]
        assert realised["exact"] == f"${micro // 10**6}.{micro % 10**6:06d}"
        assert realised["rows_behind"].startswith("/admin/trading/ledgerentry/?")
        assert not [row for row in rows if row["shown"].startswith(("=", "@"))]

    def test_pdf_is_pages_with_the_title_and_links_to_the_portal(self, report):
        content = form_of(report, "pdf").content

        assert content.startswith(b"%PDF-")
        assert b"/admin/trading/trade/" in content
        assert len(content) < 500_000

    def test_pdf_takes_any_text(self, report):
        report.figures["runs"]["shown"][0]["reason"] = "比特币 \x00 \N{SNOWMAN}" + "long " * 300

        assert form_of(report, "pdf").content.startswith(b"%PDF-")


class TestFiles:
    def test_a_failure_leaves_the_old_file_whole(self, tmp_path, monkeypatch):
        write_files(tmp_path, "a", {".md": "old"})
        monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            write_files(tmp_path, "a", {".md": "new"})

        assert (tmp_path / "a.md").read_text() == "old"


@pytest.mark.parametrize("who", ["viewer", "operator", "approver", "admin_user"])
def test_every_role_reads_list_page_and_files(who, report, client, request):
    client.force_login(request.getfixturevalue(who))
    address = reverse("admin:reports_dailyreport_change", args=[report.pk])

    assert b"rp-spark" in client.get(LIST).content
    assert b"Monday, 2 March 2026" in client.get(address).content
    for kind, media in MEDIA.items():
        file = client.get(reverse("admin:reports_dailyreport_file", args=[report.pk, kind]))
        assert file.headers["Content-Type"] == media
        assert "attachment" in file.headers["Content-Disposition"]


class TestPages:
    def test_nobody_without_a_role_sees_any(self, report, client, nobody):
        client.force_login(nobody)
        for address in (LIST, reverse("admin:reports_dailyreport_change", args=[report.pk])):
            assert client.get(address).status_code in (302, 403)

    def test_the_page_has_data_for_the_charts_and_the_days_around(self, report, client, viewer):
        client.force_login(viewer)
        before = make_daily((DAY - timedelta(days=1)).date())
        after = make_daily((DAY + timedelta(days=3)).date())
        text = client.get(reverse("admin:reports_dailyreport_change", args=[report.pk])).content

        for near, name in ((before, b"before"), (after, b"after")):
            address = reverse("admin:reports_dailyreport_change", args=[near.pk]).encode()
            assert b'href="' + address + b'" data-rp-' + name in text
        data = json.loads(text.split(b'id="rp-chart-data"')[1].split(b">", 1)[1].split(b"<")[0])
        assert set(data) == {"equity-paper", "exposure-paper", "edges-paper"}
        for key in data:
            assert f'data-chart="{key}"'.encode() in text

    def test_an_older_revision_says_so(self, report, client, viewer):
        client.force_login(viewer)
        newest = make_daily(DAY.date(), revision=2)
        text = client.get(reverse("admin:reports_dailyreport_change", args=[report.pk])).content

        assert b"The facts have changed since" in text
        listed = client.get(LIST).context["cl"].result_list
        assert [row.pk for row in listed] == [newest.pk]

    def test_the_list_takes_one_query_whatever_the_days(
        self, report, client, viewer, django_assert_max_num_queries
    ):
        client.force_login(viewer)
        client.get(LIST)
        for number in range(1, 15):
            make_daily((DAY - timedelta(days=number)).date())
        with django_assert_max_num_queries(25):
            client.get(LIST)

    def test_making_needs_the_permission(self, busy_day, client, viewer, operator):
        address = reverse("admin:reports_dailyreport_make")
        client.force_login(viewer)
        assert client.post(address, {"day": "2026-03-02"}).status_code == 403
        client.force_login(operator)
        response = client.post(address, {"day": "2026-03-02"})

        report = DailyReport.objects.get()
        assert response.url == reverse("admin:reports_dailyreport_change", args=[report.pk])

    @pytest.mark.parametrize("day", ["", "2199-01-01", "x"])
    def test_making_refuses_in_words(self, day, busy_day, client, operator):
        client.force_login(operator)
        response = client.post(reverse("admin:reports_dailyreport_make"), {"day": day}, follow=True)

        assert [str(one) for one in response.context["messages"]]
        assert not DailyReport.objects.exists()


def test_a_report_made_by_a_page_is_that_of_the_command(busy_day):
    run("--date", "20260302")

    again = make_report("main", DAY.date(), by_name="test")
    assert again.revision == 1
