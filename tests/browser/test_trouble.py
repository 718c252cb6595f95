"""What a tired operator sees when orders cannot be sent or books do not agree, and what to do."""

import pytest
from playwright.sync_api import expect

from tests.browser.checks import overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BAR = "#pa-bar"
BANNER = "[data-banner]"
SIZES = [pytest.param(size, id=str(size["width"])) for size in (DESK, PHONE)]


@pytest.fixture
def trading(portal):
    """A portal that trades with play money, and afterwards on paper as before."""
    portal.do("money", kind="play")
    yield portal
    portal.do("money", kind="paper")


def engine(page):
    return page.locator(f"{BAR} [data-cell=engine]")


def in_place(page):
    """Nothing is pushed sideways, and nothing lies on anything else."""
    assert sideways(page) <= 0
    assert overlaps(page, ".pa-card, .pa-bar > *, .pa-bar-halt > *, .pa-title-row") == []


@pytest.mark.parametrize("size", SIZES)
def test_a_lost_signer_is_no_trading_and_comes_without_a_reload(trading, look, size):
    page = look(trading, size=size)
    expect(engine(page)).to_have_text("trading")
    expect(page.locator(BANNER)).to_be_hidden()

    trading.do("no_access", reason="SIGNER_DOWN: no signer answers", seconds=95)

    expect(engine(page)).to_have_text("signer down")
    expect(page.locator(BANNER)).to_contain_text("No order can be sent: signer down")
    expect(page.locator(BANNER)).to_contain_text("What to do: Start the signer")
    expect(page.locator("[data-card=safety] [data-cell=access]")).to_have_text("signer down")
    in_place(page)
    page.screenshot(path=SCREENSHOTS / f"no-access-light-{size['width']}.png")

    trading.do("money", kind="play")

    expect(engine(page)).to_have_text("trading")
    expect(page.locator(BANNER)).to_be_hidden()


@pytest.mark.parametrize("size", SIZES)
def test_a_mismatch_names_its_incident_and_resuming_waits_for_it(trading, look, size):
    page = look(trading, size=size, user="otto")
    incident = trading.do("mismatch")
    try:
        expect(engine(page)).to_have_text("halting")
        expect(page.locator(BANNER)).to_contain_text("Trading is halted")
        expect(page.locator(BANNER)).to_contain_text(f"what incident {incident} is about")
        expect(page.locator(f"{BAR} [data-todo]")).to_have_text(f"Incident {incident}")
        in_place(page)
        page.screenshot(path=SCREENSHOTS / f"incident-light-{size['width']}.png")

        page.click("[data-resume]")

        expect(page.locator(".pa-obstacles")).to_contain_text(f"Incident {incident} is open")
        expect(page.get_by_role("button", name="Resume trading")).to_be_disabled()
        in_place(page)

        trading.do("clear_up", incident=incident)
        page.reload()

        expect(page.locator(".pa-obstacles")).to_have_count(0)
        expect(page.get_by_role("button", name="Resume trading")).to_be_enabled()
    finally:
        trading.do("resume")


def test_the_link_to_the_incident_leads_to_it(trading, look):
    incident = trading.do("mismatch")
    try:
        page = look(trading)
        page.click(f"{BAR} [data-todo]")

        expect(page).to_have_url(f"{trading.url}/admin/trading/incident/{incident}/change/")
        expect(page.locator(".pa-hero")).to_contain_text("7.5 pUSD less than the ledger")
    finally:
        trading.do("clear_up", incident=incident)
        trading.do("resume")


def test_an_exposed_leg_says_that_no_new_set_is_opened(trading, look):
    number = trading.do("expose", on=True)
    try:
        page = look(trading)

        expect(engine(page)).to_have_text("a leg is exposed")
        expect(page.locator(BANNER)).to_contain_text("No new set is opened")
        page.click(f"{BANNER} [data-todo]")
        expect(page).to_have_url(f"{trading.url}/admin/trading/arbitrageset/{number}/change/")
        expect(page.locator(".pa-hero")).to_contain_text("What comes next: The engine looks")
    finally:
        trading.do("expose", on=False)
