"""A small shell like the one in which pixi runs tasks, the same on all platforms, Windows included (deno_task_shell).

It knows lists (`&&`, `||`, `;`), quotes, `$NAME`, assignments, redirection into files, and the built-in commands. What
the real one does not know is a ShellError: `if`, backquotes, `${NAME}`, `~`. So is what it knows but no task should
need: globs, pipes, `$(...)`, subshells, jobs in the background, backslashes, which mean something else in paths of
Windows. No program of the machine is found but those in the folders that the caller names.
"""
import os
import shutil
import subprocess

RESERVED = {"if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in"}
BUILTIN = {"cat", "cd", "cp", "echo", "exit", "export", "false", "head", "mkdir", "mv", "pwd", "rm", "sleep", "true",
           "unset", "xargs"}
NAME_CHARACTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class ShellError(Exception):
    """A text that the shell does not accept."""


def _variable(text, i):
    """The name after the `$` at i, and where it ends."""
    end = i + 1
    while end < len(text) and text[end] in NAME_CHARACTERS:
        end += 1
    if end == i + 1:
        raise ShellError(f"'$' without a name at: {text[i:]}")
    return text[i + 1:end], end


def _word(text, i):
    """The word at i as parts (kind, text), kind being text, variable or quoted variable; and where it ends."""
    parts, quote = [], None
    while i < len(text):
        c = text[i]
        if quote == "'":
            if c == "'":
                quote = None
            else:
                parts.append(("text", c))
        elif c == "$":
            name, end = _variable(text, i)
            parts.append(("quoted" if quote else "variable", name))
            i = end
            continue
        elif c in "\\`":
            raise ShellError(f"'{c}' in: {text}")
        elif quote == '"':
            if c == '"':
                quote = None
            else:
                parts.append(("text", c))
        elif c in "'\"":
            quote = c
            parts.append(("text", ""))
        elif c in "~(){}*?[":
            raise ShellError(f"'{c}' without quotes in: {text}")
        elif c.isspace() or c in "<>|&;":
            break
        else:
            parts.append(("text", c))
        i += 1
    if quote:
        raise ShellError(f"a quote is not closed in: {text}")
    return parts, i


def parse(text):
    """A list of (operator, words): the operator before the command is '', '&&', '||' or ';'; a word is a list of parts,
    or '>' or '>>'."""
    commands, operator, words, i = [], "", [], 0

    def finish():
        if not words:
            raise ShellError(f"a command is missing in: {text}")
        commands.append((operator, list(words)))
        words.clear()

    while i < len(text):
        c = text[i]
        if c.isspace():
            i += 1
        elif text[i:i + 2] in ("&&", "||", ">>") or c in ";>":
            token = text[i:i + 2] if text[i:i + 2] in ("&&", "||", ">>") else c
            if token in (">", ">>"):
                words.append(token)
            else:
                finish()
                operator = token
            i += len(token)
        elif c in "|&<":
            raise ShellError(f"'{c}' in: {text}")
        else:
            parts, i = _word(text, i)
            plain = "".join(part for _, part in parts)
            if not words and plain in RESERVED and all(kind == "text" for kind, _ in parts):
                raise ShellError(f"'{plain}' in: {text}")
            words.append(parts)
    finish()
    return commands


def command_names(text):
    """The first word of every command, with $NAME as it is."""
    names = []
    for _, words in parse(text):
        plain = ["".join(("" if kind == "text" else "$") + part for kind, part in word) for word in words
                 if not isinstance(word, str)]
        names.append(next((word for word in plain if "=" not in word), ""))
    return names


def quote(argument):
    """The argument as one word, as pixi appends it to a task."""
    return "'" + argument.replace("'", "'\"'\"'") + "'"


class Shell:
    """Runs texts in `folder` with the variables `environment`; programs are searched in the list `path` only."""

    def __init__(self, folder, environment, path):
        self.folder, self.environment, self.path = str(folder), dict(environment), [str(p) for p in path]
        self.output = ""

    def run(self, text):
        """The exit code of the text."""
        code = 0
        for operator, words in parse(text):
            if (operator == "&&" and code != 0) or (operator == "||" and code == 0):
                continue
            code = self._command(words)
            if code is None:
                return int(self.exit_code)
        return code

    def _expand(self, word):
        """The arguments that a word stands for: a variable without quotes is split at spaces."""
        fields = [""]
        for kind, part in word:
            if kind == "text":
                fields[-1] += part
                continue
            value = self.environment.get(part, "")
            pieces = [value] if kind == "quoted" else value.split() or [""]
            fields[-1] += pieces[0]
            fields += pieces[1:]
        return fields

    def _command(self, words):
        target, mode, arguments = None, "", []
        iterator = iter(words)
        for word in iterator:
            if isinstance(word, str):
                mode = "w" if word == ">" else "a"
                target, = self._expand(next(iterator))
            else:
                arguments += self._expand(word)
        environment = dict(self.environment)
        while arguments and "=" in arguments[0] and set(arguments[0].split("=", 1)[0]) <= NAME_CHARACTERS:
            name, value = arguments.pop(0).split("=", 1)
            (environment if arguments else self.environment)[name] = value
        if not arguments:
            return 0
        code, output = self._builtin(arguments) if arguments[0] in BUILTIN else self._program(arguments, environment)
        if target is None:
            self.output += output
        elif target != "/dev/null":  # which it knows on Windows, too
            with open(os.path.join(self.folder, target), mode, encoding="utf-8") as file:
                file.write(output)
        return code

    def _program(self, arguments, environment):
        name = arguments[0]
        folders = [self.folder] if "/" in name else self.path
        program = next((p for p in (os.path.join(f, name) for f in folders) if os.access(p, os.X_OK)), None)
        if program is None:
            self.output += f"{name}: command not found\n"
            return 127, ""
        done = subprocess.run([program, *arguments[1:]], cwd=self.folder, env=environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def _builtin(self, arguments):
        """The exit code, or None to end the text; and the output."""
        name, rest = arguments[0], arguments[1:]
        paths = [os.path.join(self.folder, argument) for argument in rest if not argument.startswith("-")]
        if name == "exit":
            self.exit_code = rest[0] if rest else 0
            return None, ""
        if name == "export":
            self.environment.update(argument.split("=", 1) for argument in rest)
        elif name == "cd":
            self.folder = os.path.normpath(paths[0])
        elif name == "mkdir":
            for path in paths:
                os.makedirs(path, exist_ok="-p" in rest)
        elif name == "rm":
            for path in paths:
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        elif name in ("cp", "mv"):
            (shutil.copy if name == "cp" else shutil.move)(*paths)
        elif name == "cat":
            return 0, "".join(open(path, encoding="utf-8").read() for path in paths)
        elif name in ("echo", "pwd"):
            return 0, (" ".join(rest) if name == "echo" else self.folder) + "\n"
        elif name not in ("true", "false"):
            raise ShellError(f"the test does not know the built-in command {name}")
        return (1 if name == "false" else 0), ""
