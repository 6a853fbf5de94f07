"""The tasks of pixi.toml run as they should, on all platforms: in a shell like pixi's, in every environment, with
programs that write down how they were called in place of the compiler and of mnist. The script that fetches data is the
real one.

    python3 tests/scripts/pixi_tasks_test.py REPOSITORY CMAKE

77, skipped: Python is older than 3.11, which reads TOML first.
"""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from task_shell import BUILTIN, Shell, ShellError, command_names, parse, quote

try:
    import tomllib
except ImportError:
    print("skipped: Python 3.11 or newer is needed", file=sys.stderr)
    sys.exit(77)

REPOSITORY, CMAKE = pathlib.Path(sys.argv[1]), sys.argv[2]
CONFIG = tomllib.loads((REPOSITORY / "pixi.toml").read_text(encoding="utf-8"))
PLATFORMS = CONFIG["workspace"]["platforms"]
MNIST = "build/pixi-$PIXI_ENVIRONMENT_NAME/bin/mnist"

# Writes name, arguments, folder and environment of its call as a line of JSON. What cmake would build is there after it.
STAND_IN = """#!{python} -IS
import json, os, pathlib, shutil, sys
here = pathlib.Path(sys.argv[0])
with open({calls!r}, "a") as file:
    print(json.dumps([here.name, sys.argv[1:], os.getcwd(), os.environ.get("PIXI_ENVIRONMENT_NAME")]), file=file)
if here.name == "cmake" and "-P" in sys.argv:
    os.execv({cmake!r}, [{cmake!r}, *sys.argv[1:]])
if here.name == "cmake" and sys.argv[1] == "--build":
    (pathlib.Path(sys.argv[2]) / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(here, pathlib.Path(sys.argv[2]) / "bin" / "mnist")
sys.exit(1 if os.environ.get("FAIL") and os.environ["FAIL"] in sys.argv else 0)
"""


def environments():
    """(environment, platform, its tasks by name) for every platform of every environment."""
    for name, value in CONFIG["environments"].items():
        features = [CONFIG["feature"][feature] for feature in (value if isinstance(value, list) else value["features"])]
        for platform in PLATFORMS:
            if all(platform in feature.get("platforms", PLATFORMS) for feature in features):
                tasks = {}
                for part in [CONFIG, *features]:
                    tasks.update(part.get("tasks", {}))
                    tasks.update(part.get("target", {}).get(platform, {}).get("tasks", {}))
                yield name, platform, tasks


class Pixi:
    """A copy of the project in which tasks run; `calls` has what they called."""

    def __init__(self, test, platform, **variables):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="my project's ")).resolve()
        test.addCleanup(shutil.rmtree, self.folder)
        self.platform, self.variables, self.log = platform, variables, self.folder / "calls"
        (self.folder / "tools").mkdir()
        (self.folder / "scripts").mkdir()
        for name in ("download.cmake", "fetch_data.cmake"):
            shutil.copy(REPOSITORY / "scripts" / name, self.folder / "scripts")
        text = STAND_IN.format(python=sys.executable, calls=str(self.log), cmake=CMAKE)
        for name in ("tools/cmake", "tools/ctest", "scripts/bench", "scripts/lint"):
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o755)
        # MNIST is there already, in a form that is left alone.
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            path = self.folder / "data" / (name + "-ubyte")
            path.parent.mkdir(exist_ok=True)
            path.write_text("MNIST", encoding="utf-8")

    def run(self, environment, task, *arguments):
        """As `pixi run -e ENVIRONMENT TASK ARGUMENTS`: what it depends on first. The exit code."""
        tasks = next(t for e, p, t in environments() if (e, p) == (environment, self.platform))
        self.log.write_text("", encoding="utf-8")
        self.output = ""
        return self._run(environment, tasks, tasks[task], arguments, set())

    def _run(self, environment, tasks, task, arguments, done):
        for name in task.get("depends-on", []):
            if name not in done:
                done.add(name)
                code = self._run(environment, tasks, tasks[name], (), done)
                if code != 0:
                    return code
        shell = Shell(self.folder / task.get("cwd", "."),
                      {"PIXI_ENVIRONMENT_NAME": environment, "PIXI_PROJECT_ROOT": str(self.folder), **self.variables},
                      [self.folder / "tools"])
        code = shell.run(" ".join([task["cmd"], *map(quote, arguments)]))
        self.output += shell.output
        return code

    @property
    def calls(self):
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    @property
    def lines(self):
        return [" ".join([name, *arguments]) for name, arguments, _, _ in self.calls]


class Text(unittest.TestCase):
    """What is written in pixi.toml, for every platform."""

    def test_tasks_are_in_the_shell_of_all_platforms(self):
        seen = 0
        for environment, platform, tasks in environments():
            for name, task in tasks.items():
                with self.subTest(environment=environment, platform=platform, task=name):
                    self.assertLessEqual(set(task), {"cmd", "depends-on", "description", "cwd"})
                    for dependency in task.get("depends-on", []):
                        self.assertIn(dependency, tasks)
                    scripts = {"scripts/bench", "scripts/lint"} if platform != "win-64" else set()  # in bash
                    for command in command_names(task["cmd"]):
                        self.assertIn(command, BUILTIN | {"cmake", "ctest", MNIST} | scripts)
                    seen += 1
        self.assertGreater(seen, 100)

    def test_presets_and_folders_are_there(self):
        presets = json.loads((REPOSITORY / "CMakePresets.json").read_text(encoding="utf-8"))["configurePresets"]
        self.assertIn("--preset release ", CONFIG["tasks"]["_configure"]["cmd"])
        self.assertIn("release", [preset["name"] for preset in presets])
        for name in ("scripts/bench", "scripts/lint", "scripts/fetch_data.cmake"):
            self.assertTrue((REPOSITORY / name).exists(), name)

    def test_the_shell_refuses_what_is_no_task_for_all_platforms(self):
        for text in ("if true; then echo; fi", "echo `date`", "echo ${HOME}", "cd ~", "a | b", "build\\mnist train",
                     "echo $(date)", "rm *.pt", "a &", "a &&", "echo 'a", "( a )", ""):
            with self.assertRaises(ShellError, msg=text):
                parse(text)


class Run(unittest.TestCase):
    """What the tasks do."""

    def test_tasks_call_what_they_say_in_every_environment(self):
        configure = "cmake --preset release -B build/pixi-{0}"
        program = [configure, "cmake --build build/pixi-{0} --target mnist"]
        data = ["cmake -P scripts/fetch_data.cmake -- mnist"]
        build = [configure, "cmake --build build/pixi-{0}"]
        expected = {
            "build": build,
            "test": build + ["ctest --test-dir build/pixi-{0} --output-on-failure --no-tests=error --parallel 2"],
            "train-cpu": program + data + ["mnist train --epochs 2 --device cpu"],
            "train-gpu": program + data + ["mnist train --epochs 14 --device cuda"],
            "infer": program + ["mnist infer --model mnist_cnn.pt"],
            "bench": program + data + ["bench --mnist build/pixi-{0}/bin/mnist"],
            "lint": [configure, "lint --build build/pixi-{0}"],
        }
        ran = set()
        for environment, platform, tasks in environments():
            if platform not in ("linux-64", "win-64"):
                continue
            pixi = Pixi(self, platform)
            for task in sorted(expected.keys() & tasks.keys()):
                with self.subTest(environment=environment, platform=platform, task=task):
                    code = pixi.run(environment, task)
                    if platform == "win-64" and task in ("bench", "lint"):
                        self.assertEqual((code, pixi.lines), (1, []))
                        self.assertIn(f"{task} runs on Linux and macOS only", pixi.output)
                        continue
                    self.assertEqual(code, 0, pixi.output)
                    self.assertEqual(pixi.lines, [line.format(environment) for line in expected[task]])
                    for _, _, folder, variable in pixi.calls:
                        self.assertEqual((folder, variable), (str(pixi.folder), environment))
                    ran.add((environment, task))
        self.assertIn(("gpu", "train-gpu"), ran)
        self.assertIn(("lint", "lint"), ran)
        self.assertNotIn(("default", "train-gpu"), ran)

    def test_arguments_arrive_as_they_were_given(self):
        pixi = Pixi(self, "win-64")
        arguments = ["--image", "C:/My Pictures/it's $HOME.png", 'C:\\a\\"b".png', "", "*.png", "a;b&&c"]
        self.assertEqual(pixi.run("default", "infer", *arguments), 0, pixi.output)
        self.assertEqual(pixi.calls[-1][:2], ["mnist", ["infer", "--model", "mnist_cnn.pt", *arguments]])
        self.assertEqual(pixi.run("default", "test", "-R", "^model"), 0, pixi.output)
        self.assertEqual(pixi.calls[-1][1][-2:], ["-R", "^model"])

    def test_what_fails_ends_the_task(self):
        pixi = Pixi(self, "linux-64", FAIL="--preset")
        self.assertEqual(pixi.run("default", "train-cpu"), 1)
        self.assertEqual(len(pixi.calls), 1)

    def test_data_in_a_folder_of_windows_kind(self):
        pixi = Pixi(self, "win-64", MNIST_DATA_DIR="My Name/data [old]; x")
        (pixi.folder / "My Name").mkdir()
        (pixi.folder / "data").rename(pixi.folder / "My Name" / "data [old]; x")
        self.assertEqual(pixi.run("default", "train-cpu"), 0, pixi.output)
        self.assertEqual(pixi.output.count("already there, kept as it is"), 4, pixi.output)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
