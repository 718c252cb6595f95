"""The header of every page, halting, keys and the live connection, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.checks import cut_off, overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BAR = "#pa-bar"
PAGES = (
    "/admin/",
    "/admin/trading/opportunity/",
    "/admin/trading/arbitrageset/",
    "/admin/trading/profile/",
    "/admin/audit/auditevent/",
    "/admin/auth/user/",
    "/admin/resume/",
)


@pytest.fixture(autouse=True)
def nothing_stays_halted(portal):
    yield
    portal.do("resume")
    portal.do("label", label="SHADOW")
    portal.do("pulse", on=True)


def connected(page):
    expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "live")
    return page


class TestTheHeader:
    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    def test_stands_on_every_page_in_one_line(self, portal, look, path, size):
        page = connected(look(portal, path, user="adam", size=size))

        expect(page.locator("[data-badge]")).to_have_text("SHADOW")
        expect(page.locator(f"{BAR} [data-cell=engine]")).to_have_text("trading")
        expect(page.locator(f"{BAR} [data-cell=pnl_today]")).to_contain_text("$")
        assert overlaps(page, f"{BAR} > *, .pa-bar-halt > *, .pa-title-row") == []
        assert cut_off(page, f"{BAR} > *") == []
        assert sideways(page) <= 0
        assert page.locator(BAR).bounding_box()["height"] <= 56

    def test_fits_a_tablet(self, portal, look):
        page = connected(look(portal, size={"width": 820, "height": 1_180}))

        assert overlaps(page, f"{BAR} > *, .pa-bar-halt > *, .pa-card, .pa-title-row") == []
        assert cut_off(page, f"{BAR} > *") == []
        assert sideways(page) <= 0

    def test_on_a_phone_halt_is_where_the_thumb_is(self, portal, look):
        page = look(portal, size=PHONE)

        box = page.locator("[data-halt]").bounding_box()

        assert box["y"] > PHONE["height"] * 0.8
        assert box["x"] > PHONE["width"] / 2
        assert box["height"] >= 44
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(200)
        assert page.locator("[data-halt]").bounding_box()["y"] == pytest.approx(box["y"], abs=2)

    def test_the_age_ticks_without_a_push(self, portal, look):
        page = connected(look(portal))
        portal.do("pulse", on=False)
        page.wait_for_timeout(1_200)
        first = page.locator(f"{BAR} [data-cell=engine_age]").inner_text()

        page.wait_for_timeout(2_200)

        second = page.locator(f"{BAR} [data-cell=engine_age]").inner_text()
        assert first != second
        assert float(second.split()[0]) - float(first.split()[0]) >= 1.5

    def test_an_engine_that_fell_silent_is_not_shown_as_trading(self, portal, look):
        portal.do("silent_for", seconds=25)

        page = connected(look(portal))

        expect(page.locator(f"{BAR} [data-cell=engine]")).to_have_text("silent")
        expect(page.locator(f"{BAR} [data-cell=engine_detail]")).to_contain_text(
            "it last said TRADING"
        )

    @pytest.mark.parametrize(
        ("label", "kind"), [("RECORDED", "recorded"), ("SIMULATED", "simulated"), ("LIVE", "live")]
    )
    def test_the_badge_tells_what_the_money_is(self, portal, look, label, kind):
        portal.do("label", label=label)

        page = connected(look(portal))

        expect(page.locator("[data-badge]")).to_have_text(label)
        expect(page.locator(BAR)).to_have_attribute("data-kind", kind)
        line = page.evaluate("getComputedStyle(document.body, '::before').height")
        assert (line == "4px") == (label == "LIVE"), "live alone has the red line on top"

    def test_somebody_without_an_account_sees_nothing_of_it(self, portal, look):
        page = look(portal, user=None)

        assert page.url.startswith(f"{portal.url}/admin/login/")
        assert page.locator(BAR).count() == 0
        assert "trading" not in page.locator("body").inner_text().lower()
        assert page.request.get("/admin/live/state/", max_redirects=0).status == 302
        assert page.request.get("/admin/live/rows/", max_redirects=0).status == 302


class TestHalting:
    def test_one_click_and_one_button(self, portal, look):
        page = connected(look(portal, user="vera"))

        page.click("[data-halt]")
        page.screenshot(path=SCREENSHOTS / "halt-dialog-light-1280.png")
        page.click("[data-halt-now]")

        expect(page.locator(f"{BAR} [data-cell=engine]")).to_have_text(
            re.compile("^(halted|halting)$")
        )
        expect(page.locator("#pa-halt-dialog")).to_be_hidden()
        expect(page.locator("[data-resume]")).to_be_visible()
        assert portal.do("mandate") == {"halted": True, "reason": "", "by": "vera"}

    def test_the_reason_is_kept(self, portal, look):
        page = connected(look(portal, user="vera"))

        page.click("[data-halt]")
        page.fill("#pa-halt-reason", "spread looks wrong")
        page.press("#pa-halt-reason", "Enter")

        expect(page.locator(f"{BAR} [data-cell=engine_detail]")).to_contain_text(
            "spread looks wrong"
        )
        assert portal.do("mandate")["reason"] == "spread looks wrong"

    def test_without_scripts_the_same_button_leads_to_the_same_form(self, portal, look):
        page = look(portal, user="vera", script=False)

        page.click("[data-halt]")
        page.fill(".pa-form [name=reason]", "no scripts here")
        page.click(".pa-form button:has-text('Halt now')")

        assert portal.do("mandate") == {
            "halted": True,
            "reason": "no scripts here",
            "by": "vera",
        }
        assert page.locator(f"{BAR} [data-cell=engine]").inner_text() in ("halted", "halting")

    def test_an_account_without_any_role_may_halt_too(self, portal, look):
        page = look(portal, "/admin/halt/", user="nora")

        page.click(".pa-form button:has-text('Halt now')")

        assert portal.do("mandate")["by"] == "nora"

    def test_a_second_page_hears_of_it_without_a_reload(self, portal, look):
        watching = connected(look(portal, user="otto"))

        portal.do("halt", reason="from the shell")

        expect(watching.locator(f"{BAR} [data-cell=engine_detail]")).to_contain_text(
            "from the shell"
        )

    def test_the_dialog_says_when_nothing_was_halted(self, portal, look):
        page = connected(look(portal, quiet=False))
        page.click("[data-halt]")
        page.route("**/admin/halt/", lambda route: route.abort())

        page.click("[data-halt-now]")

        expect(page.locator("[data-halt-problem]")).to_contain_text("emergency_stop")
        expect(page.locator("#pa-halt-dialog")).to_be_visible()

    def test_resuming_asks_why_and_what_has_changed(self, portal, look):
        portal.do("halt", reason="spread looks wrong")
        page = look(portal, user="otto")

        page.click("[data-resume]")
        expect(page.locator("main, #main")).to_contain_text("spread looks wrong")
        page.click("button:has-text('Resume trading')")
        assert portal.do("mandate")["halted"], "both answers are needed"
        page.fill(".pa-form [name=reason]", "looked at the books")
        page.fill("[name=changed]", "the venue had a maintenance")
        page.click("button:has-text('Resume trading')")
        page.wait_for_url("**/admin/")

        assert not portal.do("mandate")["halted"]

    def test_who_may_not_resume_is_told_who_may(self, portal, look):
        portal.do("halt", reason="spread looks wrong")

        page = look(portal, "/admin/resume/", user="vera")

        expect(page.locator("#main")).to_contain_text("Ask somebody with the role operator")
        assert page.locator(".pa-form [name=reason]").count() == 0


class TestKeys:
    def test_g_and_a_letter_goes_there(self, portal, look):
        page = connected(look(portal))

        page.keyboard.press("g")
        page.keyboard.press("o")
        page.wait_for_url("**/admin/trading/opportunity/")
        page.keyboard.press("g")
        page.keyboard.press("d")

        page.wait_for_url(f"{portal.url}/admin/")

    def test_slash_searches_and_question_mark_helps(self, portal, look):
        page = connected(look(portal, "/admin/trading/opportunity/"))

        page.keyboard.press("/")
        expect(page.locator("#searchbar")).to_be_focused()
        page.keyboard.type("g d ?")
        expect(page.locator("#searchbar")).to_have_value("g d ?")
        page.locator("#searchbar").blur()
        page.keyboard.press("?")

        expect(page.locator("#pa-keys-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#pa-keys-dialog")).to_be_hidden()

    def test_slash_searches_everything_where_there_is_no_list(self, portal, look):
        page = connected(look(portal))

        page.keyboard.press("/")
        expect(page.locator("#search-input-command")).to_be_focused()
        page.keyboard.type("snow christmas")
        page.locator("#command-results a", has_text="Will it snow in New York").first.click()

        page.wait_for_url("**/admin/trading/market/**")

    def test_h_and_enter_halts(self, portal, look):
        page = connected(look(portal, user="otto"))

        page.keyboard.press("h")
        expect(page.locator("[data-halt-now]")).to_be_focused()
        page.keyboard.press("Enter")

        expect(page.locator("[data-resume]")).to_be_visible()
        assert portal.do("mandate")["by"] == "otto"


class TestTheConnection:
    def test_a_server_that_went_away_turns_everything_grey_with_its_age(self, portal, look):
        page = connected(look(portal, quiet=False))
        shown = page.locator(f"{BAR} [data-cell=pnl_today]").inner_text()

        portal.stop()
        try:
            expect(page.locator("[data-connection]")).to_have_attribute(
                "data-connection", "lost", timeout=30_000
            )
            expect(page.locator("[data-connection-text]")).to_have_text(
                re.compile(r"last seen \d+ s ago")
            )
            assert page.locator(f"{BAR} [data-cell=pnl_today]").inner_text() == shown
            assert page.locator("html.pa-lost").count() == 1
            page.screenshot(path=SCREENSHOTS / "lost-light-1280.png")
        finally:
            portal.start()

        expect(page.locator("[data-connection]")).to_have_attribute(
            "data-connection", "live", timeout=40_000
        )
        assert page.locator("html.pa-lost").count() == 0

    def test_a_session_that_ended_says_so(self, portal, look):
        page = connected(look(portal, quiet=False))

        portal.do("logout")
        page.evaluate("window.dispatchEvent(new Event('offline'))")
        portal.stop()
        portal.start()

        expect(page.locator("[data-connection-text]")).to_contain_text("signed out", timeout=40_000)


def test_who_has_to_choose_a_password_sees_the_header_as_served_and_no_error(portal, look):
    portal.do("one_time", name="olga")

    page = look(portal, user="olga")

    expect(page).to_have_url(re.compile("password_change"))
    page.wait_for_timeout(1_500)
    expect(page.locator("[data-connection]")).to_have_attribute("data-connection", "served")
    expect(page.get_by_role("button", name="Halt")).to_be_visible()
