"""Phases, promotions and go/no-go in a real browser: how they look, and that they live."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import bare_numbers, cut_off, overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS, a_portal

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHASES, CHECKS = "/admin/phases/", "/admin/checks/"
LOOKS = [(size, theme) for size in (DESK, PHONE) for theme in ("light", "dark")]
ROWS = ".pa-gt-mark, .pa-gt-what, .pa-gt-value, .pa-gt-past, .pa-gt-more, .pa-gt-took"
NAMELESS = """
() => [...document.querySelectorAll("#pa-gates :is(input, textarea, select, button)")]
  .filter((one) => one.type !== "hidden" && !one.labels?.length && !one.textContent.trim()
    && !one.getAttribute("aria-label"))
  .map((one) => one.outerHTML)
"""


def connected(page):
    expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "live")
    return page


@pytest.fixture(scope="module")
def gated():
    """A portal whose criteria were judged and whose checks have run."""
    with a_portal() as running:
        running.do("world")
        running.do("gate_world")
        yield running


def sound(page, theme, name):
    """What holds of every page: theme, width, nothing on something else, a name for each field."""
    page.evaluate("scrollTo(0, 0)")
    width = page.viewport_size["width"]
    page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{width}.png", full_page=True)
    assert page.locator("html.dark").count() == (theme == "dark")
    assert sideways(page) <= 0
    assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []
    assert overlaps(page, "#pa-gates .pa-button, #pa-gates summary") == []
    assert overlaps(page, ROWS) == []
    assert cut_off(page, "#pa-gates *:not(.pa-sr)") == []
    assert bare_numbers(page) == []
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=str)
class TestHowItLooks:
    def test_the_ladder(self, gated, look, size, theme):
        page = connected(look(gated, PHASES, size=size, theme=theme, user="otto"))

        expect(page.locator("[data-state=present] > summary")).to_contain_text("Shadow Production")
        expect(page.locator("[data-verdict=FAIL]").first).to_be_visible()
        page.locator("[data-key='SUCCESS-RECONNECTS'] .pa-gt-more summary").click()
        sound(page, theme, "phases")

    def test_a_promotion_that_waits(self, gated, look, size, theme):
        number = gated.do("promotion", yes=["adam"])
        page = connected(
            look(gated, f"/admin/promotions/{number}/", size=size, theme=theme, user="anna")
        )

        expect(page.locator(".pa-gt-headline").first).to_contain_text("1 more yes needed, of 2")
        expect(page.locator(".pa-gt-risks")).to_contain_text("up to $2 of real money")
        sound(page, theme, "promotion")

    def test_a_promotion_that_is_approved(self, gated, look, size, theme):
        number = gated.do("promotion", yes=["adam", "anna"])
        page = connected(
            look(gated, f"/admin/promotions/{number}/", size=size, theme=theme, user="otto")
        )

        expect(page.locator(".pa-gt-next")).to_contain_text("manage.py start_live --phase 1")
        sound(page, theme, "promotion-approved")

    def test_asking_for_one(self, gated, look, size, theme):
        page = connected(look(gated, f"{PHASES}request/", size=size, theme=theme, user="otto"))

        expect(page.locator(".pa-gt-bound")).to_contain_text("Micro-Live")
        sound(page, theme, "promotion-request")

    def test_go_no_go(self, gated, look, size, theme):
        page = connected(look(gated, CHECKS, size=size, theme=theme, user="otto"))

        expect(page.locator(".pa-gt-big")).to_contain_text("NO-GO")
        assert page.locator("[data-fix]").count() == 3
        page.locator("[data-key=c-data] > summary").click()
        sound(page, theme, "checks")


class TestItLives:
    def test_results_arrive_while_checks_run_and_the_decision_comes_last(self, gated, look):
        page = connected(look(gated, CHECKS, user="otto"))
        run = gated.do("run_of_checks")

        expect(page.locator(".pa-gt-big")).to_contain_text("Running")
        for order in range(3):
            gated.do("result_of_check", run=run, order=order)
            expect(page.locator("[data-key=live] [data-check]")).to_have_count(order + 1)
            expect(page.locator("[data-key=progress]")).to_contain_text(f"{order + 1} of 10 checks")
        page.screenshot(path=SCREENSHOTS / "checks-running-light-1280.png")
        for order in range(3, 10):
            gated.do("result_of_check", run=run, order=order)
        gated.do("end_of_checks", run=run)

        expect(page.locator(".pa-gt-big")).to_contain_text("NO-GO")
        expect(page.locator("[data-part=history] [aria-current]")).to_contain_text("NO-GO")

    def test_what_is_typed_stays_when_somebody_else_answers(self, gated, look):
        number = gated.do("promotion")
        page = connected(look(gated, f"/admin/promotions/{number}/", user="anna"))
        page.get_by_label("What did you look at").fill("the replay of each day")

        gated.do("yes", promotion=number, name="adam")

        expect(page.locator("[data-part=top]")).to_contain_text("1 more yes needed, of 2")
        expect(page.locator("[data-gone-stale]")).to_be_visible()
        expect(page.get_by_label("What did you look at")).to_have_value("the replay of each day")

    def test_who_typed_nothing_sees_the_page_anew(self, gated, look):
        number = gated.do("promotion")
        page = connected(look(gated, f"/admin/promotions/{number}/", user="vera"))
        page.evaluate("window.stayed = true")

        gated.do("yes", promotion=number, name="adam")

        page.wait_for_function("window.stayed === undefined")
        expect(page.locator("[data-part=top]")).to_contain_text("adam: approved")


class TestGettingThere:
    def test_the_keyboard_the_sidebar_and_the_header_lead_there(self, gated, look):
        page = connected(look(gated, "/admin/"))
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url(f"**{PHASES}")
        connected(page).goto("/admin/")
        page.locator(".pa-bar-phase").click()
        page.wait_for_url(f"**{PHASES}")
        page.locator("#nav-sidebar-apps").get_by_role("link", name="Go/no-go").click()
        page.wait_for_url(f"**{CHECKS}")

    def test_the_dashboard_says_how_it_stands(self, gated, look):
        gated.do("promotion")
        page = connected(look(gated, "/admin/"))
        safety = page.locator("[data-card=safety]")

        expect(safety.locator("[data-cell=go_no_go]")).to_have_text("GO")
        expect(safety.locator("[data-cell=criteria]")).to_have_text("promotion waits for a yes")

    def test_a_form_opens_and_is_filled_without_a_mouse(self, gated, look):
        page = connected(look(gated, CHECKS, user="otto"))
        summary = page.locator("[data-kind=RUNBOOK_READ] summary")
        summary.focus()
        page.keyboard.press("Enter")

        expect(page.locator("[data-kind=RUNBOOK_READ] textarea")).to_be_focused()

    def test_one_approver_is_said_loudly(self, gated, look):
        gated.do("approvers", number=1)
        page = connected(look(gated, PHASES, size=PHONE))
        try:
            expect(page.locator(".pa-gt-loud")).to_contain_text("One approver is enough here.")
            page.screenshot(path=SCREENSHOTS / "phases-one-approver-390.png")
        finally:
            gated.do("approvers", number=2)

    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    def test_an_admin_sets_how_many_have_to_approve(self, gated, look, size):
        page = connected(look(gated, PHASES, size=size, user="adam"))
        footer = page.locator(".pa-gt-approvers")
        try:
            footer.get_by_text("Change…").click()
            footer.get_by_label("How many have to approve").select_option("3")
            footer.get_by_label("Why?").fill("more eyes")
            assert sideways(page) <= 0
            page.screenshot(path=SCREENSHOTS / f"phases-approvers-{size['width']}.png")
            footer.get_by_role("button", name="Set it").click()
            expect(footer).to_contain_text("3 people have to say yes")
        finally:
            gated.do("approvers", number=2)

    def test_an_operator_drills_the_breaker(self, gated, look):
        page = connected(look(gated, PHASES, user="otto"))
        page.get_by_role("button", name="Drill the breaker").click()

        expect(page.locator("body")).to_contain_text("The drill of the circuit breaker passed")

    def test_without_scripts_everything_is_there(self, gated, look):
        page = look(gated, PHASES, user="otto", script=False)

        expect(page.locator("[data-verdict]").first).to_be_visible()
        expect(page.get_by_role("button", name="Evaluate now")).to_be_visible()
