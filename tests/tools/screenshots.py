"""Takes pictures of a running portal: python -m tests.tools.screenshots URL USER [PATH ...]

The password is asked for, or read from the first line of standard input. Writes
build/screenshots/NAME-THEME-WIDTH.png for light and dark at 1280 and 390 pixels. It only looks: it
presses nothing and changes nothing.
"""

import argparse
import getpass
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "screenshots"
SIZES = {1280: 860, 390: 844}
BROWSER_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
]
SETTLE_MS = 1_500  # for the first push and the chart


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(description="Take pictures of a running portal.")
    parser.add_argument("url", help="where the portal is, such as http://127.0.0.1:8083")
    parser.add_argument("user")
    parser.add_argument("paths", nargs="*", default=["/admin/"], help="pages, by default /admin/")
    parser.add_argument("--whole", action="store_true", help="the whole page, not one screen")
    chosen = parser.parse_args(arguments)
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        print("chromium is not installed; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
        for theme in ("light", "dark"):
            for width, height in SIZES.items():
                taken = take(browser, chosen, password, theme=theme, width=width, height=height)
                print("\n".join(str(path.relative_to(ROOT)) for path in taken))
        browser.close()
    return 0


def take(
    browser: Browser,
    chosen: argparse.Namespace,
    password: str,
    *,
    theme: str,
    width: int,
    height: int,
) -> list[Path]:
    """Log in with a fresh browser profile and return the pictures of all pages."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=2 if width < 500 else 1,
    )
    page = context.new_page()
    page.goto(f"{chosen.url}/admin/login/")
    page.fill("input[name=username]", chosen.user)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/admin/**")
    taken = []
    for path in chosen.paths:
        page.goto(f"{chosen.url}{path}", wait_until="networkidle")
        page.wait_for_timeout(SETTLE_MS)
        name = path.partition("?")[0].strip("/").replace("/", "-") or "start"
        file = FOLDER / f"{name}-{theme}-{width}.png"
        page.screenshot(path=file, full_page=chosen.whole)
        taken.append(file)
    context.close()
    return taken


if __name__ == "__main__":
    sys.exit(main())
