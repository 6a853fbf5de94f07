#!/usr/bin/env python3
"""Checks the text of all pages of the documentation.

    tests/docs/check_pages.py MNIST

    MNIST   the program

Checks that links between pages, and their anchors, lead somewhere; that code blocks name their language, and every
mark "not run" its reason; that every option exists in the help of `mnist`, of a script, or in the list below of other
programs' options, and after `mnist COMMAND` in the help of that command; and that the messages in
docs/troubleshooting.md are in the sources. Exit code 1 if something is wrong.
"""

import pathlib
import re
import subprocess
import sys

from pages import LANGUAGES, REPOSITORY, blocks, pages, prose

OPTION = re.compile(r"(?<![\w`-])`?(--[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)(?![a-z0-9-]*\()")
# Of programs that the pages call or explain, and --option, which stands for any option.
FOREIGN = {
    "--gtest_filter", "--install", "--prefix", "--preset", "--archive", "--dereference", "--target", "--tag", "--rm",
    "--user", "--nv", "--time", "--partition", "--cpus-per-task", "--gres", "--mem", "--account", "--requeue",
    "--no-requeue", "--nodes", "--ntasks", "--ntasks-per-node", "--kill-on-bad-exit", "--signal", "--no-python",
    "--nproc-per-node", "--nnodes", "--node-rank", "--master-addr", "--master-port", "--block-signal", "--workflow",
    "--disable-new-dtags", "--model-repository", "--option", "--now", "--read-only", "--memory", "--cpus", "--cap-drop",
    "--security-opt", "--restart", "--health-interval", "--health-cmd", "--from", "--to",
}
failures = []


def complain(page, what):
    failures.append(f"{page.relative_to(REPOSITORY)}: {what}")


def anchors(page):
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


def check_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists():
            complain(page, f"the link {target} leads nowhere")
        elif anchor and anchor not in anchors(path):
            complain(page, f"the link {target} leads to no heading")


def check_blocks(page):
    for block in blocks(page):
        if block.language not in LANGUAGES:
            complain(page, f"line {block.line}: a block needs one of the languages {', '.join(sorted(LANGUAGES))}")
        for part, reason in block.skipped.items():
            if len(reason) < 5:
                complain(page, f"line {block.line}: the mark 'not run' gives no reason")
            if part is not None and part not in block.text:
                complain(page, f"line {block.line}: no line contains '{part}'")
    for line in re.findall(r"^    (?:scripts/|mnist |build/|cmake |docker |sbatch ).*$", prose(page), re.M):
        complain(page, f"commands belong into a block marked sh: {line.strip()}")


def helps(program):
    """The options of each command of the program, and of all scripts (under the name '')."""
    def options(text):
        return set(re.findall(r"--[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", text))

    def printed(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=True).stdout

    root = printed("--help")
    commands = re.findall(r"^  ([a-z]+) {2,}", root, re.M)
    known = {command: options(printed(command, "--help")) for command in commands}
    known[""] = options(root)
    for script in (REPOSITORY / "scripts").rglob("*"):
        if script.is_file() and script.suffix not in (".pyc", ".txt"):
            known[""] |= options(script.read_text(errors="replace"))
    return known


def check_options(page, known):
    everywhere = set().union(*known.values()) | FOREIGN
    text = re.sub(r"<!--.*?-->", "", page.read_text(), flags=re.S)
    for option in sorted(set(OPTION.findall(text)) - everywhere):
        complain(page, f"no help text has the option {option}")
    calls = [line for block in blocks(page) if block.language in ("sh", "console") for line in block.commands()]
    calls += re.findall(r"`([^`\n]*)`", prose(page))
    for call in calls:
        for command, rest in re.findall(r"\bmnist ([a-z]+)((?: [^|;#<>]*)?)", call):
            if not known.get(command):
                continue
            for option in sorted(set(OPTION.findall(rest)) - known[command]):
                complain(page, f"mnist {command} has no option {option}: {call}")


def literals(text):
    """The string literals of a source; those that follow each other are one."""
    joined = re.sub(r'"\s*\n?\s*"', "", text)
    return "\n".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined))


def check_messages(page):
    sources = {}
    for folder, pattern in [("src", "*.[ch]pp"), ("include", "*.hpp"), ("scripts", "*"), ("cmake", "*.cmake")]:
        for path in (REPOSITORY / folder).rglob(pattern):
            if path.is_file() and path.suffix not in (".pyc", ".txt"):
                sources[path] = literals(path.read_text(errors="replace"))
    messages = re.findall(r"^\| `([^`]+)` \|", page.read_text(), re.M)
    if len(messages) < 40:
        complain(page, f"only {len(messages)} messages found")
    for message in messages:
        parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
        # In their order, and not far from each other: a message may be put together from several literals.
        whole = re.compile(r"(?<![A-Za-z])" + r"(?![A-Za-z])(.{0,400}?)(?<![A-Za-z])".join(parts) + r"(?![A-Za-z])", re.S)
        if not any(whole.search(text) for text in sources.values()):
            complain(page, f"no source has the message '{message}'")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    known = helps(pathlib.Path(sys.argv[1]).resolve())
    for page in pages():
        check_links(page)
        check_blocks(page)
        check_options(page, known)
    check_messages(REPOSITORY / "docs" / "troubleshooting.md")
    print("\n".join(failures) or f"{len(pages())} pages, nothing wrong")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
