"""GET /api/docs/ opens offline: everything comes from this host, nothing inline runs."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


class TestPage:
    def test_loads_only_from_this_host_and_runs_nothing_inline(self, reader):
        response = reader.get("/api/docs/")

        html = response.content.decode()
        assert re.findall(r"""(?:src|href)=["'](?!/)""", html) == []
        assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
        assert re.findall(r"\son[a-z]+=", html) == []

    def test_names_files_that_are_there(self, reader):
        html = reader.get("/api/docs/").content.decode()
        names = re.findall(r"""["']/static/([^"']+)["']""", html)

        assert len(names) == 4
        assert [name for name in names if finders.find(name) is None] == []

    def test_has_a_policy_of_its_own_that_is_stricter_than_the_admins(self, reader):
        policy = reader.get("/api/docs/").headers["Content-Security-Policy"]
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))

        assert scripts == "script-src 'self'"
        assert "default-src 'none'" in policy

    def test_starts_with_the_description_of_this_host_and_the_csrf_token(self, viewer):
        client = Client()
        client.force_login(viewer)

        script = client.get("/api/docs/start.js")

        assert script.headers["Content-Type"] == "application/javascript"
        text = script.content.decode()
        assert 'url: "/api/schema"' in text.replace("\\u002D", "-")
        assert re.search(r'headers\["X-CSRFTOKEN"\] = "[A-Za-z0-9]{64}"', text)


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_shows_every_operation_and_nothing_is_blocked(viewer, live_server, monkeypatch):
    """In a real browser that reaches no other host."""
    from shutil import which

    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    executable = which("chromium")
    if executable is None:  # in CI everything is there, and a skip fails the run
        pytest.skip("no chromium on this machine: apt-get install chromium")
    client = Client()
    client.force_login(viewer)
    problems, foreign = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context()
        context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value,
              "url": live_server.url}]
        )  # fmt: skip
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text)
                if message.type == "error" else None)  # fmt: skip
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: foreign.append(request.url)
                if not request.url.startswith((live_server.url, "data:")) else None)  # fmt: skip
        page.goto(f"{live_server.url}/api/docs/")
        page.wait_for_selector(".opblock-summary-path", timeout=20_000)
        paths = {part.strip() for part in page.locator(".opblock-summary-path").all_inner_texts()}
        browser.close()

    assert problems == []
    assert foreign == []
    assert any("emergency_stop" in path.replace("\u200b", "") for path in paths)
    assert len(paths) >= 14
