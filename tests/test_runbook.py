"""The runbook is true: a section for each rule, and every command in it does what it says."""

import re
import shlex
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from tests.api.openapi import description
from tests.helpers import runbook_world
from tests.helpers.audit import KEY
from tests.helpers.installation import ROOT
from tests.helpers.not_yet import NOT_YET_ADDRESSES, NOT_YET_COMMANDS
from tests.helpers.runbook import CHAPTERS, HOST, PARTS, PLACEHOLDERS, RULE, sections
from tests.helpers.runbook_world import RULES, World
from trading.models import Incident, WalletCheck

SECTIONS = sections()
TEMPLATES = ROOT / "polyarb_site" / "templates"
COMMANDS = [
    (section.title, command)
    for section in SECTIONS
    for _, block in section.blocks
    for command in block
]


# Programs of every host; whatever else a block holds is ours, or asks the portal.
HOST_PROGRAMS = ("cat", "date", "df", "du", "find", "ls", "mkdir", "tar", "touch")
# The anchors that checks and refusals link to, beside those of the alert rules.
OFFERED = (
    *("start-the-portal", "start-in-shadow", "ask-for-a-promotion", "approve-a-promotion"),
    *("go-live", "stop-in-order", "change-a-profile", "stop-everything", "withdraw-funds"),
    *("roll-back", "restore-a-backup", "open-an-incident", "a-key-is-known-to-others"),
    *("starting-is-refused", "the-database", "workers", "secrets", "passwords-and-debugging"),
    *("wallet-and-allowances", "rpc", "venue-connection", "circuit-breaker", "alert-rules"),
    *("channels-and-heartbeat", "configuration", "journal", "audit-chain", "backups", "disk"),
    *("memory-and-load", "software", "documents", "attestations", "whom-to-call"),
    *("make-a-support-bundle", "update-the-portal", "rehearse-with-play-money"),
)


class TestSections:
    def test_the_eight_chapters_stand_in_their_order(self):
        chapters = list(dict.fromkeys(section.chapter for section in SECTIONS))

        assert chapters == ["", *CHAPTERS]

    def test_each_chapter_has_sections_and_nearly_every_section_a_command(self):
        without = {section.title for section in SECTIONS if not section.blocks}

        assert without == {"Grow", "Whom to call", "Report a fault"}

    def test_each_anchor_that_is_offered_is_there(self):
        from polyarb_site.dashboard.runbook import document

        assert set(OFFERED) <= {one.anchor for one in document().headings}

    def test_each_page_leads_to_a_section_that_is_there(self):
        from polyarb_site.dashboard.runbook import document

        pages = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
        pages += "".join(path.read_text() for path in (ROOT / "checks" / "admin").glob("*.py"))
        linked = set(re.findall(r"\{\{ runbook \}\}#([a-z-]+)\"|section=\"([a-z-]+)\"", pages))

        assert len(linked) >= 5
        assert {one or other for one, other in linked} <= {
            one.anchor for one in document().headings
        }
        assert '{{ runbook }}"' not in pages  # its first page explains nothing

    def test_no_two_sections_have_one_anchor(self):
        titles = [section.title for section in SECTIONS]

        assert len(titles) == len(set(titles))

    def test_each_rule_has_its_own_and_each_names_a_rule(self):
        named = [section.title for section in SECTIONS if section.is_rule]

        assert sorted(named) == sorted(RULES)

    @pytest.mark.parametrize("section", [s for s in SECTIONS if s.is_rule], ids=lambda s: s.title)
    def test_each_says_what_it_means_what_was_done_and_what_to_do(self, section):
        assert tuple(section.parts) == PARTS
        assert section.text.strip().startswith(RULES[section.title]["severity"])
        assert section.commands("Diagnose")
        assert section.commands("Confirm")

    def test_each_rule_that_a_link_names_is_there(self):
        anchors = {section.title.lower().replace(" ", "-") for section in SECTIONS}
        linked = [
            part.split(")")[0] for section in SECTIONS for part in section.text.split("](#")[1:]
        ]

        assert linked
        assert set(linked) <= anchors


class TestCommands:
    """What can be said of them without running one."""

    @pytest.mark.parametrize(("title", "command"), COMMANDS, ids=lambda one: str(one)[:40])
    def test_is_one_of_ours_or_asks_an_address_that_there_is(self, title, command):
        words = shlex.split(command.text.split(" > ")[0], comments=True)
        if command.not_yet:
            return
        if command.manage:
            app = get_commands()[command.manage]
            parser = load_command_class(app, command.manage).create_parser("manage.py", words[2])
            parser.parse_args([PLACEHOLDERS.get(word, word) for word in words[3:]])
            return
        asked = [word for word in words if word.startswith(HOST)]
        for word in asked:
            path = word.removeprefix(HOST).split("?")[0]
            for name, value in PLACEHOLDERS.items():
                path = path.replace(name, value)
            resolve(path)
        ours = words[0] in HOST_PROGRAMS or words == ["python", "--version"]
        assert asked or command.assigns or ours, command

    def test_what_is_not_there_yet_is_not_there(self):
        """Whatever is there has to be taken out of the list, and is run from then on."""
        assert not set(NOT_YET_COMMANDS) & set(get_commands())
        for address in NOT_YET_ADDRESSES:
            with pytest.raises(Resolver404):
                resolve(address)

    def test_of_json_name_only_what_is_answered(self):
        schemas = description()["components"]["schemas"].values()
        answered = {name for schema in schemas for name in schema.get("properties", {})}
        wanted = {
            name
            for _, command in COMMANDS
            if not command.not_yet
            for part in re.findall(r"jq .*", command.text)
            for names in re.findall(r"{([^{}]*)}|\.([a-z_]+)", part)
            for name in re.findall(r"[a-z_]+", " ".join(names))
        }

        assert len(wanted) > 20
        assert wanted <= answered | {"items", "next_cursor"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq to run its lines"
)
@pytest.mark.django_db(transaction=True)
class TestItWorks:
    """Against an installation with an alert of the rule that the section is about."""

    @pytest.fixture
    def world(self, request, settings, tmp_path, monkeypatch):
        for name, value in runbook_world.places(tmp_path).items():
            setattr(settings, name, value)
        commands = "trading.management.commands"
        monkeypatch.setattr(f"{commands}.wallet_approve.plan_approvals", nothing_to_approve)
        monkeypatch.setattr(f"{commands}.wallet_check.check_wallet", what_was_seen)

        def make(section):
            return World(section, tmp_path, lambda: request.getfixturevalue("live_server").url)

        return make

    @pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
    def test_every_command_of_the_section(self, section, world):
        there = world(section)
        if not section.is_rule:
            there.run(section.commands())
            return
        there.run(section.commands("Diagnose", "Remedy"))
        there.mend()
        there.run(section.commands("Confirm"))

        assert not Incident.objects.filter(state="OPEN").exists()

    def test_the_support_bundle_holds_no_secret(self, world, tmp_path):
        section = next(one for one in SECTIONS if one.title == "Make a support bundle")
        there = world(section)
        token = (tmp_path / ".polyarb-token").read_text()
        (tmp_path / "data" / "channels.key").write_text(KEY)
        there.run(section.commands())

        with tarfile.open(tmp_path / "polyarb-support.tar.gz") as bundle:
            files = {one.name: bundle.extractfile(one) for one in bundle if one.isfile()}
            texts = {name: file.read().decode() for name, file in files.items() if file}
        assert len(texts) == 6
        assert all(texts.values())
        for secret in (token, KEY, "an invented key"):
            assert not [name for name, text in texts.items() if secret in text]


def what_was_seen(account, **_):
    """Stand in for chain, signer and venue: the wallet is as it was at the last look."""
    return WalletCheck.objects.filter(account=account).latest("at")


def nothing_to_approve(account, *, revoke, by_name, say):
    """Stand in for chain, signer and venue: the wallet has exactly the approvals it needs."""
    del account, revoke, by_name, say
    return SimpleNamespace(feed="simulator", kind="DEPOSIT", funder="0x0", block=7, changes=())


class TestThePage:
    """The runbook inside the portal."""

    @pytest.fixture
    def page(self, client, viewer, mandate):
        client.force_login(viewer)
        response = client.get("/admin/runbook/")
        assert response.status_code == 200
        return response.content.decode()

    def test_has_an_anchor_for_each_rule_and_leads_to_all_of_them(self, page):
        for rule in RULES:
            assert f'id="rule-{rule.lower()}"' in page
            assert f'href="#rule-{rule.lower()}"' in page

    def test_its_links_lead_to_anchors_that_are_there(self, page):
        article = page.split("<article", 1)[1].split("</article>")[0]
        links = [part.split('"')[0] for part in article.split('href="#')[1:]]

        assert links
        assert not [one for one in links if f'id="{one}"' not in article]

    def test_is_for_those_who_are_logged_in_and_may_read_the_portal(self, client, nobody, mandate):
        anonymous = client.get("/admin/runbook/")
        client.force_login(nobody)
        stranger = client.get("/admin/runbook/")

        assert (anonymous.status_code, anonymous.headers["Location"][:13]) == (302, "/admin/login/")
        assert stranger.status_code == 403
        assert b"rule-ws_disconnected" not in stranger.content

    def test_answers_no_post(self, client, viewer, mandate):
        client.force_login(viewer)

        assert client.post("/admin/runbook/").status_code == 405

    def test_is_in_the_sidebar(self, page):
        assert 'href="/admin/runbook/"' in page


class TestMarkdown:
    def test_takes_no_html(self):
        from polyarb_site.markdown import render

        html = render("# <b>x</b>\n\n<script>alert(1)</script>\n\n[y](javascript:alert(1))").html

        assert "<script>" not in html
        assert "<b>" not in html
        assert 'href="javascript' not in html

    def test_only_ids_of_rules_have_the_anchors_of_rules(self):
        from polyarb_site.markdown import render

        found = render("# A title, with words\n\n### WS_DISCONNECTED\n\n[it](#ws_disconnected)")

        assert [one.anchor for one in found.headings] == [
            "a-title-with-words",
            "rule-ws_disconnected",
        ]
        assert 'href="#rule-ws_disconnected"' in found.html


def test_the_file_is_where_the_page_looks_for_it():
    from polyarb_site.dashboard.runbook import FILE

    assert Path(FILE).is_file()
    assert RULE.fullmatch("WS_DISCONNECTED")
