"""Named cases, one line each; and the sandbox that they are played against."""

import json
import sys
import time
import traceback
import urllib.request


class Cases:
    """Runs cases and remembers whether one failed."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.failed = 0

    def case(self, action):
        """Runs a function at once, as the case of its name. Returns what it returns."""
        name = f"{self.prefix} {action.__name__}"
        try:
            result = action()
        except Exception as why:  # A case must not keep the next one from running.
            self.failed += 1
            place = traceback.extract_tb(why.__traceback__)
            line = next((frame.lineno for frame in reversed(place) if frame.filename == action.__code__.co_filename), 0)
            text = " ".join(str(why).split())
            print(f"FAIL {name}: {type(why).__name__} in line {line}: {text[:600]}", flush=True)
            return None
        print(f"ok {name}", flush=True)
        return result

    def end(self):
        sys.exit(1 if self.failed else 0)


def same(got, wanted):
    """Fails unless both are equal."""
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def holds(truth, what):
    """Fails with this text unless it is true."""
    if not truth:
        raise AssertionError(what)


def until(look, wanted, seconds=30):
    """Looks until the answer is the wanted one; returns the different answers in their order."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = look()
        if not seen or seen[-1] != now:
            seen.append(now)
        if now == wanted:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"never {wanted!r}, but {seen!r}")


class Sandbox:
    """The running sandbox, as its first line of output describes it."""

    def __init__(self, line):
        self.url = line["url"].rstrip("/")
        self.authority = self.url.split("//", 1)[1]
        self.credentials = line["credentials"]

    @classmethod
    def of_file(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(json.loads(file.readline()))

    def _control(self, method, path, document=None):
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def reset(self):
        """Ready-made servers again, no faults, an empty log."""
        self._control("POST", "reset")

    def fault(self, **rule):
        self._control("POST", "faults", rule)

    def log(self):
        return self._control("GET", "log")
