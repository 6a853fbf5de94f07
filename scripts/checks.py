"""Counts checks, for check_onnx.py, check_page.py, check_serve.py and check_tensorboard.py."""

import traceback


class Checks:
    """Prints checks and counts those that fail. `always`: details also of those that pass."""

    def __init__(self, always=False):
        self.always = always
        self.failed = 0

    def check(self, name, passed, details=""):
        shown = details if self.always or not passed else ""
        print(f"{'ok' if passed else 'FAILED':6}  {name}{f': {shown}' if shown else ''}", flush=True)
        self.failed += not passed

    def attempt(self, function, *arguments):
        """Calls it with these checks. What it does not expect is a failed check, and the others go on."""
        try:
            function(self, *arguments)
        except Exception:
            self.check(f"{function.__module__}.{function.__name__}", False, traceback.format_exc())
