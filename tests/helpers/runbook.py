"""The runbook as its tests read it: sections, their parts, and the commands in them."""

import re
from dataclasses import dataclass, field

from django.conf import settings

from tests.helpers.not_yet import NOT_YET_ADDRESSES, NOT_YET_COMMANDS, NOT_YET_MODULES

FILE = settings.BASE_DIR / "docs" / "PRODUCTION_RUNBOOK.md"
HOST = "http://127.0.0.1:8083"
RULE = re.compile(r"(?=.{3,40}$)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
PARTS = ("Meaning", "What the system did", "Diagnose", "Remedy", "Confirm")
ASSIGNED = re.compile(r"[A-Z]+=")
# What stands for something that the reader knows, and what a parser may take in its place.
PLACEHOLDERS = {
    "$ALERT": "1",
    "$INCIDENT": "1",
    "$PROMOTION": "1",
    "$NAME": "otto",
    "$BACKUP": "20261001_0005",
    "$DAY": "20261001",
}
CHAPTERS = (
    "1. Start-up by phase",
    "2. Daily operation",
    "3. Alert handling",
    "4. Emergencies",
    "5. Troubleshooting",
    "6. Performance",
    "7. Maintenance",
    "8. Contacts and support",
)
_STATUS = re.compile(r"\s+# status (\d+)$")


@dataclass(frozen=True)
class Command:
    """One command of a block, and the status that it is said to end with."""

    text: str
    status: int

    @property
    def assigns(self):
        """Whether it sets a variable or a function for those after it."""
        return bool(ASSIGNED.match(self.text)) or "() {" in self.text

    @property
    def manage(self):
        """The command of manage.py that it runs, "" when it is another one."""
        words = self.text.split()
        return words[2] if words[:2] == ["python", "manage.py"] else ""

    @property
    def not_yet(self):
        """Whether it asks for what is not there yet."""
        made_of_it = self.manage == "write_documents" and bool(NOT_YET_MODULES)
        asks_it = any(f"{HOST}{address}" in self.text for address in NOT_YET_ADDRESSES)
        return made_of_it or asks_it or self.manage in NOT_YET_COMMANDS


@dataclass
class Section:
    """One section: the blocks of commands in it, each with the part that it stands in."""

    title: str
    chapter: str
    text: str
    parts: list[str] = field(default_factory=list)
    blocks: list[tuple[str, list[Command]]] = field(default_factory=list)

    @property
    def is_rule(self):
        return RULE.fullmatch(self.title) is not None

    def commands(self, *parts):
        """Return the blocks of these parts, of all without any."""
        return [block for part, block in self.blocks if not parts or part in parts]


def sections():
    """Return every section of the third level, in order."""
    found, chapter = [], ""
    for text in FILE.read_text().split("\n### ")[1:]:
        title, _, body = text.partition("\n")
        body, _, following = body.partition("\n## ")
        section = Section(title=title, chapter=chapter, text=body)
        chapter = following.partition("\n")[0] or chapter
        part, block = "", None
        for line in body.splitlines():
            if block is not None:
                if line == "```":
                    section.blocks.append((part, block))
                    block = None
                else:
                    block.append(_command(line))
            elif line.startswith("```"):
                assert line == "```sh", f"{title}: {line} is no block of commands"
                block = []
            elif (label := re.match(r"\*\*([\w ]+)\.\*\*", line)) is not None:
                part = label[1]
                section.parts.append(part)
        assert block is None, f"{title}: a block is not closed"
        found.append(section)
    return found


def _command(line):
    status = _STATUS.search(line)
    text = line[: status.start()] if status else line
    return Command(text=text, status=int(status[1]) if status else 0)
