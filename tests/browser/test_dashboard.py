"""The dashboard in a real browser: how it looks, and that it lives."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.checks import bare_numbers, overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [(size, theme) for size in (DESK, PHONE) for theme in ("light", "dark")]


def connected(page):
    expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "live")
    return page


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=str)
def test_with_a_running_engine(portal, look, size, theme):
    page = connected(look(portal, size=size, theme=theme))

    expect(page.locator("#pa-curve canvas").first).to_be_visible()
    assert page.locator("html.dark").count() == (theme == "dark")
    assert sideways(page) <= 0
    assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []
    assert overlaps(page, ".pa-facts dt, .pa-facts dd") == []
    assert bare_numbers(page) == []
    page.screenshot(path=SCREENSHOTS / f"dashboard-{theme}-{size['width']}.png", full_page=True)


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=str)
def test_on_the_first_day(fresh_portal, look, size, theme):
    page = look(fresh_portal, size=size, theme=theme, user="adam")

    expect(page.locator(".pa-steps li")).to_have_count(5)
    expect(page.locator(".pa-steps li").first).to_contain_text("Start the engine")
    expect(page.locator(".pa-steps")).to_contain_text("Open the channels")
    expect(page.locator("[data-card=money]")).to_contain_text("the engine has not run yet")
    expect(page.locator("[data-empty-of=opportunities]")).to_contain_text("No gap yet")
    assert sideways(page) <= 0
    assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []
    zeros = re.findall(r"\$0\.00|\b0 gaps", page.locator("#pa-dashboard").inner_text())
    assert zeros == [], "what is not known is a dash, never a zero"
    page.screenshot(path=SCREENSHOTS / f"first-day-{theme}-{size['width']}.png", full_page=True)


def test_on_a_phone_nothing_ends_below_the_bar(portal, look):
    page = connected(look(portal, size=PHONE))

    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(200)

    last = page.locator(".pa-card").last.bounding_box()
    assert last["y"] + last["height"] <= page.locator(".pa-bar-halt").bounding_box()["y"]


def test_a_new_gap_slides_in_on_top_without_a_reload(portal, look):
    page = connected(look(portal))
    page.evaluate("window.stayed = true")

    number = portal.do("gap", number=1_003)

    first = page.locator("[data-rows=opportunities] tr").first
    expect(first).to_have_attribute("data-pk", str(number))
    assert page.evaluate("window.stayed")
    expect(page.locator("[data-rows=opportunities] tr")).to_have_count(12)


def test_a_reader_further_down_stays_there(portal, look):
    page = connected(look(portal, size=PHONE))
    row = page.locator("[data-rows=opportunities] tr").nth(5)
    row.scroll_into_view_if_needed()
    pk = row.get_attribute("data-pk")
    read = page.locator(f"[data-rows=opportunities] tr[data-pk='{pk}']")
    before = read.bounding_box()["y"]

    number = portal.do("gap", number=2_000)
    expect(page.locator("[data-rows=opportunities] tr").first).to_have_attribute(
        "data-pk", str(number)
    )

    assert read.bounding_box()["y"] == pytest.approx(before, abs=4)


def test_the_funnel_counts_along(portal, look):
    page = connected(look(portal))
    shown = page.locator(".pa-funnel-count").first
    # On a machine that counts slowly the server keeps an answer: what other tests added comes late.
    before = portal.do("gaps")
    expect(shown).to_contain_text(str(before), timeout=60_000)

    portal.do("gap", number=3_000)

    assert portal.do("gaps") == before + 1
    expect(shown).to_contain_text(str(before + 1), timeout=60_000)
    expect(page.locator("[data-card=quality] .pa-stat-main")).to_contain_text(str(before + 1))


def test_a_funnel_that_the_server_kept_is_read_again_though_nothing_happens(portal, look):
    page = connected(look(portal))
    told = []

    def keep_the_first(route):
        answer = route.fetch().json()
        told.append(answer)
        if len(told) == 1:
            answer = {**answer, "funnel": "kept", "funnel_renew_ms": 300}
        route.fulfill(json=answer)

    page.route("**/live/rows/?funnel", keep_the_first)
    portal.do("gap", number=3_100)

    expect(page.locator("[data-funnel]")).to_have_text("kept")
    expect(page.locator("[data-funnel] .pa-funnel-count").first).to_be_visible()
    assert len(told) == 2


def test_the_curve_has_ranges_a_sentence_and_a_table(portal, look):
    page = connected(look(portal))

    expect(page.locator("[data-curve-sentence]")).to_contain_text(
        re.compile(r"Realised \+\$[\d.]+ in the last 24 hours on paper; highest")
    )
    page.click("[data-range='7d']")
    expect(page.locator("[data-curve-sentence]")).to_contain_text("in the last 7 days")
    expect(page.locator("[data-range='7d']")).to_have_attribute("aria-pressed", "true")
    page.click(".pa-chart-table summary")
    expect(page.locator("[data-curve-table] tr").first).to_contain_text("$")
    page.click("[data-range='phase']")
    expect(page.locator("[data-curve-sentence]")).to_contain_text("in this phase")


def test_the_cursor_on_the_curve_tells_amount_and_time(portal, look):
    page = connected(look(portal))
    expect(page.locator("#pa-curve .u-over")).to_be_visible()
    page.locator("#pa-curve").scroll_into_view_if_needed()  # the first run stands above it
    box = page.locator("#pa-curve .u-over").bounding_box()

    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)

    expect(page.locator(".pa-chart-tip")).to_contain_text("$")


def test_what_the_server_wrote_is_what_the_page_makes_of_it(portal, look):
    """Ages and amounts are formatted in two languages; both must say the same."""
    page = look(portal)
    from polyarb_site import formats

    ages = [0, 400, 9_999, 10_000, 59_999, 60_000, 3_599_000, 3_600_000, 7_500_000, 90_000_000]
    amounts = [0, 1, 49, 51, 3_400, 5_000, 10_000, -10_000, 1_234_567_890, -4_999, 125_000]

    assert [page.evaluate(f"PolyArb.age({ms})") for ms in ages] == [formats.age(m) for m in ages]
    assert [page.evaluate(f"PolyArb.money({m}, true)") for m in amounts] == [
        formats.money(m, sign=True) for m in amounts
    ]


def test_a_market_name_is_text_and_never_a_script(portal, look):
    portal.do("rename_market", question="<img src=x onerror=\"document.title='owned'\">")
    try:
        page = connected(look(portal))
        portal.do("gap", number=4_000)
        expect(page.locator("[data-rows=opportunities] tr").first).to_contain_text("<img src=x")
        page.wait_for_timeout(300)

        assert page.title() != "owned"
        assert page.locator("[data-rows=opportunities] img").count() == 0
    finally:
        portal.do("rename_market", question="Bitcoin Up or Down - 22 November, 4:15PM-4:30PM ET")
