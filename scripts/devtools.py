"""Drives headless Chromium by its DevTools protocol, for check_page.py."""

import base64
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

import websocket

PATIENCE = 30  # seconds for one answer
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "z": 90}
CONTROL = 2    # of the protocol's modifiers


class Browser:
    """A browser with a profile of its own in `folder`, which is empty. Use it with `with`."""

    def __init__(self, program, folder):
        command = [program, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}",
                   "--no-first-run", "--disable-gpu", "--disable-background-networking",
                   "--disable-component-update", "--hide-scrollbars", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tabs = []
        port_file = pathlib.Path(folder) / "DevToolsActivePort"
        deadline = time.monotonic() + PATIENCE
        while not (port_file.exists() and port_file.read_text().count("\n") > 0):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise SystemExit(f"error: {program} does not start")
            time.sleep(0.1)
        self.address = f"http://127.0.0.1:{port_file.read_text().splitlines()[0]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for tab in self.tabs:
            tab.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)

    def tab(self):
        request = urllib.request.Request(f"{self.address}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            self.tabs.append(Tab(json.load(answer)["webSocketDebuggerUrl"]))
        return self.tabs[-1]


class Tab:
    """A page. `events` has all that it reported, in order."""

    def __init__(self, address):
        self.socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self.events = []
        self.count = 0
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression, seconds=PATIENCE):
        """Whether the expression becomes true in time."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def open(self, url):
        self.evaluate("window.isLeft = true")  # the page before may still be there after this call
        self.call("Page.navigate", url=url)
        self.wait_for("!window.isLeft && document.readyState === 'complete'")

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                  mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def prefer(self, **features):
        """Media features such as prefers_color_scheme="dark"."""
        pairs = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=pairs)

    def press(self, key, modifiers=0):
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 and not modifiers else "")
        parameters = {"key": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def write(self, text):
        self.call("Input.insertText", text=text)

    def click(self, identifier):
        box = self.box(identifier)
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    def box(self, identifier):
        """Where an element is on the screen, after scrolling to it."""
        return self.evaluate(f"""(() => {{
          const element = document.getElementById({json.dumps(identifier)});
          element.scrollIntoView({{block: "nearest"}});
          const {{x, y, width, height}} = element.getBoundingClientRect();
          return {{x, y, width, height}};
        }})()""")

    def draw(self, points, pointer="mouse"):
        """One stroke through points on the screen: by "mouse", "pen" or "touch"."""
        def send(kind, x, y):
            if pointer == "touch":
                touches = [] if kind == "Released" else [{"x": x, "y": y}]
                name = {"Pressed": "touchStart", "Moved": "touchMove", "Released": "touchEnd"}[kind]
                self.call("Input.dispatchTouchEvent", type=name, touchPoints=touches)
            else:
                self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, button="left", buttons=1,
                          clickCount=1, pointerType=pointer)
        send("Pressed", *points[0])
        for point in points[1:]:
            send("Moved", *point)
        send("Released", *points[-1])

    def give_file(self, identifier, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=f"#{identifier}")["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(pathlib.Path(path).resolve())])

    def screenshot(self, path):
        """The whole page, also what is below the screen's edge."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))

    def addresses(self):
        """Of all requests so far."""
        return [event["params"]["request"]["url"] for event in self.events
                if event["method"] == "Network.requestWillBeSent"]

    def messages(self):
        """What the page wrote to the console so far, with exceptions and what the browser refused."""
        kinds = re.compile(r"Runtime\.(consoleAPICalled|exceptionThrown)|Log\.entryAdded")
        return [event["params"] for event in self.events if kinds.fullmatch(event["method"])]
