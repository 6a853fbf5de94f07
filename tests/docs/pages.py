"""The pages of the documentation as the tests of this folder see them: paths, code blocks and their marks."""

import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MARK = re.compile(r"<!-- not run(?:, lines with \"(?P<lines>[^\"]+)\")?:(?P<reason>.*?)-->")
GIVEN = re.compile(r"<!-- given: (.*?) -->")
LANGUAGES = {"sh", "console", "text", "python", "toml", "ini", "nginx", "yaml"}


def pages():
    return [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")] + sorted(
        (REPOSITORY / "docs").glob("*.md"))


class Block:
    """A fenced block. `skipped`: the parts of lines that are not run, with their reasons; None stands for all lines."""

    def __init__(self, line, language, text, marks):
        self.line, self.language, self.text = line, language, text
        self.skipped = {mark["lines"]: mark["reason"].strip() for mark in marks}

    def commands(self):
        """The lines of commands, where a command that goes on in the next line is one."""
        lines = self.text.splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        joined = "\n".join(lines).replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip()]

    def reason(self, command):
        """Why the command is not run; None if it is."""
        for part, reason in self.skipped.items():
            if part is None or part in command:
                return reason
        return None


def blocks(page):
    """The fenced blocks of a page. The marks of a block are the comments in the lines directly before it."""
    found, marks, start, language, text = [], [], 0, None, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if language is not None:
            if line.strip() == "```":
                found.append(Block(start, language, "\n".join(text), marks))
                language, marks = None, []
            else:
                text.append(line)
        elif line.startswith("```"):
            start, language, text = number, line[3:].strip(), []
        elif mark := MARK.search(line):
            marks.append(mark)
        elif line.strip():
            marks = []
    return found


def prose(page):
    """The text of a page without its fenced blocks and comments."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"<!--.*?-->", "", text, flags=re.S)
