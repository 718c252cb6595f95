"""Reads source files for tests/test_tidy.py: what they import, which names they use, how long.

Knows Python's syntax and nothing of this project; the rules are in tests/test_tidy.py.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the root, with slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the syntax, in no stated order."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def aliases(self) -> dict[str, str]:
        """What each imported name stands for: {"dt": "datetime.datetime"}."""
        found = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    first = name.name.split(".")[0]
                    found[name.asname or first] = name.name if name.asname else first
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for name in node.names:
                    found[name.asname or name.name] = f"{node.module}.{name.name}"
        return found

    def at(self, node: ast.AST) -> str:
        """Return the node's place, as editors and terminals link it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def imports(self) -> Iterator[tuple[ast.AST, str]]:
        """Yield each import as a dotted name; `from a import b` yields "a.b"."""
        package = self.path.split("/")[:-1]
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    yield node, name.name
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                for name in node.names:
                    yield node, ".".join([*base, *filter(None, [node.module]), name.name])

    def names(self) -> Iterator[tuple[ast.AST, str]]:
        """Yield each name that is read, with imports resolved: `dt.now` yields "datetime.now"."""
        for node in self.nodes:
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                parts: list[str] = []
                walked: ast.expr = node
                while isinstance(walked, ast.Attribute):
                    parts.append(walked.attr)
                    walked = walked.value
                if isinstance(walked, ast.Name):
                    root = self.aliases.get(walked.id, walked.id)
                    yield node, ".".join([root, *reversed(parts)])

    def functions(self) -> Iterator[tuple[ast.AST, str, int]]:
        """Yield each function with its name and its length in lines, decorators not counted."""
        for node in self.nodes:
            if isinstance(node, FUNCTIONS):
                yield node, node.name, (node.end_lineno or node.lineno) - node.lineno + 1

    def blind_handlers(self) -> Iterator[ast.AST]:
        """Yield each handler that catches everything and does not raise it again at its end."""
        for node in self.nodes:
            if isinstance(node, ast.ExceptHandler):
                passes_on = isinstance(node.body[-1], ast.Raise)
                if not passes_on and _catches_everything(node.type):
                    yield node
            elif (
                isinstance(node, ast.Call)
                and _name(node.func) == "suppress"
                and any(_catches_everything(argument) for argument in node.args)
            ):
                yield node

    def defined(self) -> set[str]:
        """Return what can be named: {"test_one", "TestClass", "TestClass::test_two"}."""
        found = set()
        for node in self.tree.body:
            if isinstance(node, FUNCTIONS):
                found.add(node.name)
            elif isinstance(node, ast.ClassDef):
                found.add(node.name)
                found |= {f"{node.name}::{f.name}" for f in node.body if isinstance(f, FUNCTIONS)}
        return found


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _catches_everything(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_catches_everything(element) for element in caught.elts)
    return caught is None or _name(caught) in ("Exception", "BaseException")


def ignored_names(root: Path, below: str = "") -> set[str]:
    """Return the names of the folders in `below` that .gitignore leaves out, and Git's own."""
    lines = (root / ".gitignore").read_text().splitlines()
    pattern = r"[\w.-]+/" if below else r"/?[\w.-]+/"  # a leading slash: only in the root itself
    return {line.strip("/") for line in lines if re.fullmatch(pattern, line)} | {".git"}


def files(root: Path, *, below: str = "") -> Iterator[Path]:
    """Yield every file under `root` that Git would track, in a stable order."""
    skipped = ignored_names(root, below)
    for path in sorted((root / below).iterdir()):
        if path.name in skipped or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(root, below=str(path.relative_to(root)))
        elif path.suffix != ".pyc":
            yield path


def python_sources(root: Path) -> dict[str, Source]:
    """Return every Python file under `root` by its path."""
    found = {}
    for path in files(root):
        if path.suffix == ".py":
            name = path.relative_to(root).as_posix()
            found[name] = Source(name, path.read_text(encoding="utf-8"))
    return found
