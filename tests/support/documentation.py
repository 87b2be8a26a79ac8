"""The pages of documentation, as blocks of commands and of Python."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]
COMMANDS = ("sh", "console", "bash")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A command line without its comment, or a whole block of Python."""

    language: str
    text: str

    @property
    def words(self) -> list[str]:
        """The command's words. Meant for commands without pipes and variables."""
        return shlex.split(self.text)


def snippets_of(page: str) -> list[Snippet]:
    """Everything on a page that a reader may run, from its top to its end."""
    snippets = []
    for language, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if language in COMMANDS:
            snippets += [Snippet("sh", line) for line in command_lines(text)]
        elif language == "python":
            snippets.append(Snippet("python", text))
    return snippets


def command_lines(text: str) -> list[str]:
    """Lines that a backslash continues are one; comments and prompts are left out."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = (re.sub(r"(^|\s+)#( .*)?$", "", line).removeprefix("$ ").strip() for line in joined.splitlines())
    return [line for line in lines if line]


@dataclass(frozen=True)
class Link:
    """A link to a file of this project, and to a heading in it."""

    page: str
    target: str

    @property
    def exists(self) -> bool:
        name, _, heading = self.target.partition("#")
        path = (ROOT / self.page).parent / name if name else ROOT / self.page
        return path.exists() and (not heading or heading in _anchors(path))


def links_of(page: str) -> list[Link]:
    """Those that stay within the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    return [Link(page, target) for target in targets if "://" not in target]


def _anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
