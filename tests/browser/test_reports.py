"""Reports in a real browser: how they look, charts that answer a pointer, and leafing by keys."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS, a_portal

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIST = "/admin/reports/dailyreport/"
LOOKS = [(size, theme) for size in (DESK, PHONE) for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def told():
    """A portal with the reports of three days."""
    with a_portal() as running:
        running.do("reports")
        yield running


def open_first(look, told, **more):
    page = look(told, LIST, **more)
    page.get_by_role("link", name="Mon 2 Mar 2026").first.click()
    expect(page.locator(".rp-headline")).to_have_text("Monday, 2 March 2026")
    expect(page.locator(".rp-figure canvas")).to_have_count(3)  # the keys work from then on
    return page


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=str)
class TestHowItLooks:
    def test_a_day(self, told, look, size, theme):
        page = open_first(look, told, size=size, theme=theme)

        expect(page.locator(".rp-figure canvas")).to_have_count(3)
        assert page.locator("html.dark").count() == (theme == "dark")
        assert sideways(page) <= 0
        assert overlaps(page, ".rp-figure, .rp-section, .rp-masthead, .rp-nav") == []
        page.screenshot(path=SCREENSHOTS / f"report-{theme}-{size['width']}.png", full_page=True)

    def test_the_list_of_days(self, told, look, size, theme):
        page = look(told, LIST, size=size, theme=theme)

        expect(page.locator(".rp-spark").first).to_be_visible()
        assert sideways(page) <= 0
        page.screenshot(path=SCREENSHOTS / f"reports-{theme}-{size['width']}.png", full_page=True)


def test_arrow_keys_leaf_through_the_days_and_end_at_the_ends(told, look):
    page = open_first(look, told)
    headline = page.locator(".rp-headline")
    for key, day in (
        ("ArrowLeft", "Monday, 2 March 2026"),  # there is none before
        ("ArrowRight", "Tuesday, 3 March 2026"),
        ("ArrowRight", "Wednesday, 4 March 2026"),
        ("ArrowLeft", "Tuesday, 3 March 2026"),
    ):
        page.keyboard.press(key)
        expect(headline).to_have_text(day)
        page.wait_for_load_state()  # the keys work from then on


def test_a_day_without_an_engine_says_why(told, look):
    page = open_first(look, told)
    page.keyboard.press("ArrowRight")

    expect(page.locator(".rp-lead").first).to_contain_text("no engine ran: the last one before")
    expect(page.locator(".rp-figure")).to_have_count(0)


@pytest.mark.parametrize("key", ["equity-paper", "edges-paper", "exposure-paper"])
def test_a_chart_answers_where_it_is_pointed_at(told, look, key):
    page = open_first(look, told)
    figure = page.locator(f'[data-chart="{key}"]')
    figure.scroll_into_view_if_needed()
    figure.locator(".u-over").hover()

    expect(figure.locator(".pa-chart-tip")).to_contain_text("$")


def test_without_scripts_the_same_pictures_are_there(told, look):
    page = look(told, LIST, script=False)
    page.get_by_role("link", name="Mon 2 Mar 2026").first.click()

    expect(page.locator(".rp-figure svg")).to_have_count(5)


def test_a_number_leads_to_its_rows(told, look):
    page = open_first(look, told)
    row = page.get_by_role("row", name="Sets that ended")
    number = row.get_by_role("link").inner_text()
    row.get_by_role("link").click()

    expect(page.locator(".pa-count")).to_contain_text(f"{number} sets")


def test_an_operator_makes_a_report_of_any_past_day(told, look):
    page = look(told, LIST, user="otto")
    page.get_by_label("Report of").fill("2026-03-01")
    page.get_by_role("button", name="Make", exact=True).click()

    expect(page.locator(".rp-headline")).to_have_text("Sunday, 1 March 2026")
    expect(page.locator(".rp-lead").first).to_contain_text("the first one ever started")
