"""The alert centre in a real browser: how it looks, that it lives, and keeps what is typed."""

import json
import statistics

import pytest
from playwright.sync_api import expect

from tests.browser.centre import CENTRE, cards, connected
from tests.browser.checks import bare_numbers, overlaps, sideways
from tests.browser.conftest import DESK, PHONE, ROOT, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [(size, theme) for size in (DESK, PHONE) for theme in ("light", "dark")]
RULES = (
    "WS_DISCONNECTED",
    "LATENCY_P95_HIGH",
    "LOW_BALANCE",
    "POSITION_LIMIT_NEAR",
    "RPC_UNHEALTHY",
)
FIGURES = ROOT / "build" / "alert-push.json"

# When each card and each text of the header's badge was first there.
WATCH = """
() => {
  window.cards = {};
  window.bars = [];
  const look = () => {
    const now = Date.now();
    for (const card of document.querySelectorAll("[data-alert]")) {
      window.cards[card.dataset.alert] ??= now;
    }
    const bar = document.querySelector('[data-cell="alerts_bar"]').textContent;
    if (!window.bars.length || window.bars.at(-1)[1] !== bar) window.bars.push([now, bar]);
  };
  look();
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, characterData: true,
  });
}
"""


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=str)
class TestHowItLooks:
    def test_with_alerts_that_fire(self, busy, look, size, theme):
        busy.do("judged")
        page = connected(look(busy, CENTRE, size=size, theme=theme, user="otto"))

        expect(page.locator(".pa-al-plot canvas").first).to_be_visible()
        expect(page.locator("[data-alert]").first).to_have_attribute("data-level", "critical")
        assert page.locator("html.dark").count() == (theme == "dark")
        assert sideways(page) <= 0
        assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []
        assert overlaps(page, ".pa-al-acts summary, .pa-al-acts > a, .pa-al-cannot > *") == []
        assert bare_numbers(page) == []
        page.screenshot(path=SCREENSHOTS / f"alerts-{theme}-{size['width']}.png", full_page=True)

    @pytest.mark.parametrize(
        "tab", ["rules", "silences", "channels", "deliveries", "rules/LOW_BALANCE",
                "rules/LOW_BALANCE/edit", "channels/new", "1"]
    )  # fmt: skip
    def test_every_other_page(self, busy, look, size, theme, tab):
        busy.do("judged")
        page = connected(look(busy, f"{CENTRE}{tab}/", size=size, theme=theme, user="adam"))

        assert sideways(page) <= 0
        assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []
        name = f"alerts-{tab.replace('/', '-')}-{theme}-{size['width']}.png"
        page.screenshot(path=SCREENSHOTS / name, full_page=True)

    def test_when_nothing_fires(self, calm, look, size, theme):
        page = connected(look(calm, CENTRE, size=size, theme=theme))

        expect(page.locator(".pa-al-calm")).to_contain_text("Nothing fires.")
        assert sideways(page) <= 0
        page.screenshot(path=SCREENSHOTS / f"alerts-calm-{theme}-{size['width']}.png")


class TestItLives:
    def test_20_moves_of_another_process_reach_badge_and_centre(self, calm, look):
        page = connected(look(calm, CENTRE))
        page.evaluate(WATCH)
        card_ms, badge_ms = [], []
        for move in range(20):
            told = calm.do("timed", what="fire", rule=RULES[move % len(RULES)])
            number, began = told["did"], told["began_ms"]
            page.wait_for_function(f"window.cards[{number}]")
            page.wait_for_function(f"window.bars.at(-1)[0] > {began}")
            card_ms.append(page.evaluate(f"window.cards[{number}]") - began)
            first = f"window.bars.find((one) => one[0] > {began})[0]"
            badge_ms.append(page.evaluate(first) - began)
            calm.do("end", alert=number)
            expect(page.locator(f"[data-alert='{number}']")).to_have_count(0)
            expect(page.locator("#pa-bar [data-cell=alerts_bar]")).to_have_text("0 firing")
        figures = {
            name: {"median_ms": round(statistics.median(all_ms)), "max_ms": round(max(all_ms))}
            for name, all_ms in (("badge", badge_ms), ("centre", card_ms))
        }
        FIGURES.write_text(json.dumps(figures))
        assert len(card_ms) == len(badge_ms) == 20

    def test_header_sidebar_and_dashboard_count_along(self, calm, look):
        page = connected(look(calm, "/admin/"))
        expect(page.locator("[data-card=safety] .pa-stat-main")).to_contain_text("none")
        expect(page.locator(".pa-nav-badge")).to_be_hidden()

        calm.do("fire", rule="WS_DISCONNECTED")
        calm.do("fire", rule="LOW_BALANCE")

        expect(page.locator("#pa-bar [data-cell=alerts_bar]")).to_have_text("1 crit 1 warn")
        expect(page.locator(".pa-nav-badge")).to_have_text("2")
        safety = page.locator("[data-card=safety]")
        expect(safety.locator(".pa-stat-main")).to_contain_text("1 critical")
        expect(safety.locator(".pa-stat-note")).to_contain_text("also 1 warning")

    def test_an_alert_is_acknowledged_in_its_card_and_given_back(self, calm, look):
        number = calm.do("fire", rule="LOW_BALANCE")
        page = connected(look(calm, CENTRE, user="otto"))
        page.evaluate("window.stayed = true")
        card = page.locator(f"[data-alert='{number}']")

        card.locator("[data-key=ack] summary").click()
        card.locator("[data-key=ack] textarea").fill("a deposit is on its way")
        card.locator("[data-key=ack] button").click()

        expect(card).to_contain_text("otto has it since")
        expect(card).to_contain_text("a deposit is on its way")
        expect(page.locator("[data-part=timeline]")).to_contain_text(
            "otto: a deposit is on its way"
        )
        assert calm.do("alerts") == [[number, "LOW_BALANCE", "ACKED"]]
        card.locator("[data-key=unack] summary").click()
        card.locator("[data-key=unack] textarea").fill("asleep")
        card.locator("[data-key=unack] button").click()
        expect(card).to_have_attribute("data-state", "FIRING")
        assert page.evaluate("window.stayed")

    def test_what_is_refused_is_said_where_it_was_typed(self, calm, look):
        number = calm.do("fire", rule="LOW_BALANCE")
        page = connected(look(calm, CENTRE, user="otto", quiet=False))
        form = page.locator(f"[data-alert='{number}'] [data-key=silence]")
        form.locator("summary").click()
        form.locator("textarea").fill("   ")
        form.locator("button").click()

        expect(form.locator("[data-problem]")).to_contain_text("Reason is missing")

    def test_without_scripts_the_same_forms_work(self, calm, look):
        number = calm.do("fire", rule="LOW_BALANCE")
        page = look(calm, CENTRE, user="otto", script=False)
        card = page.locator(f"[data-alert='{number}']")

        card.locator("[data-key=ack] summary").click()
        card.locator("[data-key=ack] textarea").fill("by plain form")
        card.locator("[data-key=ack] button").click()

        expect(page.locator("body")).to_contain_text("You have LOW_BALANCE now")
        expect(card).to_contain_text("by plain form")

    def test_the_keyboard_leads_there_and_through_it(self, calm, look):
        number = calm.do("fire", rule="LOW_BALANCE")
        page = connected(look(calm, "/admin/", user="otto"))
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.wait_for_url(f"**{CENTRE}")
        summary = page.locator(f"[data-alert='{number}'] [data-key=ack] summary")

        summary.focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        outline = summary.evaluate("(one) => getComputedStyle(one).outlineStyle")
        assert outline == "solid", "who uses the keyboard sees where it is"
        page.keyboard.press("Enter")

        expect(page.locator(f"[data-alert='{number}'] [data-key=ack] textarea")).to_be_focused()


class TestTheReader:
    def test_keeps_a_half_typed_comment_the_focus_and_the_place(self, calm, look):
        mine = calm.do("fire", rule="LOW_BALANCE")
        others = [calm.do("fire", rule=rule) for rule in ("LATENCY_P95_HIGH", "RPC_UNHEALTHY")]
        page = connected(look(calm, CENTRE, user="otto", size=PHONE))
        form = page.locator(f"[data-alert='{mine}'] [data-key=ack]")
        form.locator("summary").click()
        field = form.locator("textarea")
        field.press_sequentially("I am looking")
        before = field.bounding_box()["y"]

        critical = calm.do("fire", rule="WS_DISCONNECTED")
        expect(page.locator(f"[data-alert='{critical}']")).to_have_count(1)
        calm.do("end", alert=others[0])
        expect(page.locator(f"[data-alert='{others[0]}']")).to_have_count(0)

        assert cards(page)[0] == critical
        expect(field).to_have_value("I am looking")
        expect(field).to_be_focused()
        page.keyboard.type(" at it")
        expect(field).to_have_value("I am looking at it")
        assert field.bounding_box()["y"] == pytest.approx(before, abs=4)

    def test_keeps_a_text_that_somebody_was_faster_than_and_cannot_send_it(self, calm, look):
        number = calm.do("fire", rule="LOW_BALANCE")
        page = connected(look(calm, CENTRE, user="otto"))
        card = page.locator(f"[data-alert='{number}']")
        form = card.locator("[data-key=ack]")
        form.locator("summary").click()
        form.locator("textarea").fill("I have it")

        calm.do("acknowledge", alert=number, by="adam", comment="mine")

        expect(card).to_contain_text("adam has it since")
        expect(form.locator("[data-gone]")).to_be_visible()
        expect(form.locator("textarea")).to_have_value("I have it")
        expect(form.locator("button[type=submit]")).to_be_disabled()
        form.get_by_role("button", name="Close it").click()
        expect(form).to_have_count(0)
        expect(card.locator("[data-key=unack]")).to_have_count(1)
