"""Counts checks, for check_onnx.py, check_page.py and check_tensorboard.py."""


class Checks:
    """Prints checks and counts those that fail. `always`: details also of those that pass."""

    def __init__(self, always=False):
        self.always = always
        self.failed = 0

    def check(self, name, passed, details=""):
        shown = details if self.always or not passed else ""
        print(f"{'ok' if passed else 'FAILED':6}  {name}{f': {shown}' if shown else ''}", flush=True)
        self.failed += not passed
