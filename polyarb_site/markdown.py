"""A Markdown document of ours as a page: headings that can be linked to, and nothing that runs.

Raw HTML stays text. A heading that is the id of an alert rule, such as WS_DISCONNECTED, has the
anchor rule-ws_disconnected; every other one that of its words. Links to another heading are written
as a repository's viewer wants them, and lead to these anchors here.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.token import Token

RULE_ANCHOR = "rule-"
# With an underscore, as each rule of ours has one: a heading such as RPC is no rule.
_RULE_ID = re.compile(r"(?=.{3,40}$)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One heading: its level from 1 on, its text, and its anchor.

    `slug` is the anchor that a viewer of the repository gives it.
    """

    level: int
    text: str
    anchor: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The page and what is in it."""

    html: str
    headings: tuple[Heading, ...]


def parser() -> MarkdownIt:
    """Return a parser of plain Markdown with tables, which takes no HTML."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def render(document: str, links: Mapping[str, str] = MappingProxyType({})) -> Document:
    """Return a document as HTML that is safe in a page, with its headings in order.

    `links` says where a link of the repository leads within the portal, such as one to the file of
    another document.
    """
    markdown = parser()
    tokens = markdown.parse(document)
    headings: list[Heading] = []
    anchors = dict(links)
    for opened, content in _headings(tokens):
        text, slug = content.content, _slug(content.content)
        anchor = _anchor(text)
        opened.attrSet("id", anchor)
        anchors[f"#{slug}"] = f"#{anchor}"
        headings.append(Heading(level=int(opened.tag[1]), text=text, anchor=anchor, slug=slug))
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                target = str(child.attrGet("href"))
                child.attrSet("href", anchors.get(target, target))
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Document(html=str(html), headings=tuple(headings))


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    """Yield the token that opens a heading and the one with its text."""
    for opened, content in itertools.pairwise(tokens):
        if opened.type == "heading_open":
            yield opened, content


def _anchor(text: str) -> str:
    return f"{RULE_ANCHOR}{text.lower()}" if _RULE_ID.fullmatch(text) else _slug(text)


def _slug(text: str) -> str:
    """Return the anchor of a heading as viewers of repositories make it."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
