"""The portal as a newcomer starts it: within minutes sets are merged, with play money."""

import re
import signal
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.checks import overlaps, sideways
from tests.browser.conftest import DESK, PHONE, SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(400)]

FIRST_SET_MS = 240_000  # on two busy cores
SIZES = [pytest.param(size, id=str(size["width"])) for size in (DESK, PHONE)]
MERGED = "[data-rows=sets] li:has-text('Merged')"


@pytest.fixture
def first_set(play_portal, look):
    """The dashboard once a set has merged on it, without a reload."""
    page = look(play_portal)
    expect(page.locator(MERGED).first).to_be_visible(timeout=FIRST_SET_MS)
    return page


@contextmanager
def frozen(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_the_first_minute_says_what_is_ready_and_ends_with_a_merged_set(play_portal, look):
    page = look(play_portal)

    expect(page.locator("[data-badge]")).to_have_text("SIMULATED")
    expect(page.locator("#pa-bar")).to_have_attribute("data-kind", "simulated")
    expect(page.locator("#pa-starting-title")).to_have_text(
        "Getting ready to trade with play money"
    )
    for step in ("venue", "signer"):
        expect(page.locator(f"[data-cell=start_{step}]")).to_have_text("answers", timeout=60_000)
    expect(page.locator("[data-cell=start_books]")).to_have_text("agree", timeout=60_000)
    expect(page.locator("[data-cell=start_orders]")).to_have_text("can be sent", timeout=60_000)
    expect(page.locator("#pa-bar [data-cell=engine]")).to_have_text("trading")
    expect(page.locator("[data-card=safety] [data-cell=reconciliation]")).to_have_text("match")
    expect(page.locator(MERGED).first).to_be_visible(timeout=FIRST_SET_MS)
    expect(page.locator("[data-cell=start_set]")).to_contain_text("merged")
    expect(page.locator("[data-card=money] [data-cell=money_kind]")).to_have_text("play money")
    expect(page.locator("[data-cell=order_p50]")).to_have_text(re.compile(r"\d (ms|µs)"))


@pytest.mark.parametrize("size", SIZES)
def test_a_set_shows_its_whole_way_with_hashes_and_the_reference_of_its_merge(
    play_portal, look, first_set, size
):
    path = first_set.locator(f"{MERGED} a").last.get_attribute("href")

    page = look(play_portal, path, size=size)

    line = page.locator(".pa-line").inner_text()
    steps = ["Seen", "Confirmed", "Intent", "Submitted", "Settled", "Merge sent", "Merged"]
    places = [line.index(step) for step in steps]
    assert places == sorted(places)
    assert len(re.findall(r"0x[0-9a-f]{4}…[0-9a-f]{4}", line)) >= 2
    assert len(re.findall(r"0x[0-9a-f]{64}", page.locator(".pa-ladders").inner_text())) == 2
    expect(page.locator("[aria-labelledby=pa-merge]")).to_contain_text("batch:")
    expect(page.locator(".pa-hero")).to_contain_text("Play money")
    assert sideways(page) <= 0
    assert overlaps(page, ".pa-card, .pa-line-label, .pa-line-at") == []
    page.screenshot(path=SCREENSHOTS / f"play-set-light-{size['width']}.png", full_page=True)


@pytest.mark.parametrize("size", SIZES)
def test_an_order_shows_its_hash_its_moves_and_its_settled_fill(play_portal, look, first_set, size):
    path = first_set.locator(f"{MERGED} a").last.get_attribute("href")
    page = look(play_portal, path, size=size)

    page.locator(".pa-order-head a").first.click()

    expect(page.locator("[aria-labelledby=pa-hashes]")).to_contain_text(
        re.compile("0x[0-9a-f]{64}")
    )
    expect(page.locator(".pa-line")).to_contain_text("Confirmed")
    expect(page.locator("[aria-labelledby=pa-fills]")).to_contain_text("Confirmed")
    assert sideways(page) <= 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "path",
    [
        *("arbitrageset/", "order/", "trade/", "ledgerentry/", "reconciliationrun/", "incident/"),
        *("reconciliationrun/1/change/", "mandate/1/change/", "walletcheck/newest/"),
    ],
)
def test_every_page_of_live_trading_fits_the_window(play_portal, look, first_set, size, path):
    page = look(play_portal, f"/admin/trading/{path}", size=size)

    expect(page.locator("#pa-bar [data-badge]")).to_have_text("SIMULATED")
    assert sideways(page) <= 0


def test_the_wallet_is_checked_by_itself_and_its_page_says_how_old_that_is(play_portal, look):
    page = look(play_portal, "/admin/trading/walletcheck/newest/", size=PHONE)
    for _ in range(30):
        if page.locator("#pa-lines").count():
            break
        page.wait_for_timeout(5_000)
        page.reload()

    age = page.locator("time[data-style=age]")
    expect(age).to_have_text(re.compile(r"^(\d+\.\d|\d+) (s|min)$"))
    expect(page.locator(".pa-address")).to_have_text(re.compile("^0x[0-9a-fA-F]{40}$"))
    assert sideways(page) <= 0


def test_a_signer_that_stops_answering_is_seen_and_so_is_its_return(play_portal, first_set):
    engine = first_set.locator("#pa-bar [data-cell=engine]")

    with frozen(play_portal.signer()):
        expect(engine).to_have_text("signer down", timeout=60_000)
        expect(first_set.locator("[data-card=safety] [data-cell=access]")).to_have_text(
            "signer down"
        )

    expect(engine).to_have_text("trading", timeout=60_000)
