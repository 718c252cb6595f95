"""Looks for a secret in everything that an installation writes, says and runs with."""

import base64
import re
from collections import Counter
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from tests.api.openapi import operations
from tests.helpers.installation import POSTGRES
from trading.journal import JournalReader

PAGES_MAX = 400
ALIKE_MAX = 2  # pages that differ by the number or id of a row only
PASSWORD = "correct horse battery staple"
_LINK = re.compile(r"""(?:href|src|action)=["']([^"'#]+)""")
_WITH_NUMBER = re.compile(r"[^/]*[0-9][^/]*")
_MAKE_ADMIN = (
    "from django.contrib.auth.models import User;"
    f"User.objects.create_superuser('searcher', '', '{PASSWORD}')"
)


def forms_of(secret):
    """Return every way in which 32 bytes are usually written; compared without upper case."""
    plain, url = base64.b64encode(secret), base64.urlsafe_b64encode(secret)
    return {
        "raw": secret,
        "hex": secret.hex().encode(),
        "base64": plain.rstrip(b"=").lower(),
        "url-safe base64": url.rstrip(b"=").lower(),
        "a number": str(int.from_bytes(secret, "big")).encode(),
        "a list of numbers": ", ".join(map(str, secret)).encode(),
    }


def found_in(content, secret):
    """Return in which forms a secret stands in bytes."""
    lower = content.lower()
    return [
        name
        for name, form in forms_of(secret).items()
        if (form in content if name == "raw" else form in lower)
    ]


class Search:
    """One search for a secret; `found` says where it stands, `looked_at` how much was read."""

    def __init__(self, live, secret):
        self.live = live
        self.secret = secret
        self.found = []
        self.looked_at = {}

    def look(self, kind, name, content):
        self.looked_at[kind] = self.looked_at.get(kind, 0) + len(content)
        self.found += [(kind, name, form) for form in found_in(content, self.secret)]

    def files(self):
        """Every file of the data directory: database and its WAL, logs, journals, keystore."""
        self.live.hang_up()
        for path in sorted(self.live.directory.rglob("*")):
            if path.is_file():
                self.look("files", str(path), path.read_bytes())

    def journals(self):
        """Every record of the journals, whose files are compressed."""
        for directory in sorted((self.live.directory / "journal" / "main").iterdir()):
            for record in JournalReader(directory).records(strict=False):
                self.look("journals", f"{directory.name} {record.sequence}", bytes(record.body))

    def database(self):
        """Every row of every table."""
        names = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            if POSTGRES
            else "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        for (name,) in self.live.ask(names):
            for row in self.live.ask(f'SELECT * FROM "{name}"'):
                self.look("rows", name, repr(row).encode())

    def processes(self):
        """What every process was started with."""
        for one in self.live.processes():
            for part in ("environ", "cmdline"):
                content = Path(f"/proc/{one.pid}/{part}").read_bytes()
                self.look("processes", f"{' '.join(one.cmdline())} {part}", content)

    # HTTP

    def pages(self):
        """Every page that can be reached from the admin's first one, as its superuser."""
        self.live.manage("shell", "-c", _MAKE_ADMIN)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.live.web_port}",
            follow_redirects=True,
            timeout=30,
            trust_env=False,
        ) as client:
            self._log_in(client)
            waiting, seen, alike = ["/admin/", "/api/docs", "/nowhere/"], set(), Counter()
            while waiting and len(seen) < PAGES_MAX:
                path = waiting.pop(0)
                kind = _WITH_NUMBER.sub("*", path)
                if path in seen or "logout" in path or alike[kind] >= ALIKE_MAX:
                    continue
                seen.add(path)
                alike[kind] += 1
                answer = client.get(path)
                self._look_at(answer)
                if "text/html" in answer.headers.get("content-type", ""):
                    waiting += _links(answer)
            assert not waiting

    def _log_in(self, client):
        page = client.get("/admin/login/")
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page.text)[1]
        form = {"username": "searcher", "password": PASSWORD, "csrfmiddlewaretoken": token}
        answer = client.post("/admin/login/?next=/admin/", data=form)
        assert "/login/" not in str(answer.url), answer.text[:500]

    def api(self):
        """Every endpoint that answers a GET, as the same account."""
        token = self.live.manage("api_token", "searcher").strip()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.live.web_port}",
            headers={"Authorization": f"Token {token}"},
            timeout=30,
            trust_env=False,
        ) as client:
            for path, method, _ in operations():
                if method == "GET":
                    named = path.replace("{name}", "simulated_atomic_v1")
                    answer = client.get(named.replace("{day}", "20260101"))
                    assert answer.status_code in (200, 404), (path, answer.status_code)
                    self._look_at(answer)

    def error_page(self, port):
        """The page that Django makes of a fault for its developers, with all of its settings."""
        cookies = {"sessionid": "a" * 32}  # whoever has one is looked for in the database
        url = f"http://127.0.0.1:{port}/admin/"
        answer = httpx.get(url, cookies=cookies, timeout=30, trust_env=False)
        assert answer.status_code == 500
        assert "SIGNER_PLAY_DIR" in answer.text
        self._look_at(answer)

    def _look_at(self, answer):
        heads = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.look("answers", str(answer.url), heads.encode() + answer.content)


def _links(answer):
    """Return the paths of this server that a page leads to, without their queries' many orders."""
    own = urlsplit(str(answer.url))
    for link in _LINK.findall(answer.text):
        parts = urlsplit(urljoin(str(answer.url), unescape(link)))
        if parts.netloc == own.netloc and not parts.query:
            yield parts.path
