"""The page of mnist serve in a browser, as one uses it, for check_page.py."""

import base64
import json
import math

STEP = 12       # pixels of the screen between two reports of the pointer
NUMBER = "407"  # of SHAPES
# Polylines of digits, 0 to 1 across a box.
SHAPES = {
    "4": [[(0.6, 0), (0.1, 0.65), (0.95, 0.65)], [(0.7, 0.4), (0.7, 1)]],
    "0": [[(0.5 + 0.4 * math.sin(turn * math.pi / 10), 0.5 - 0.5 * math.cos(turn * math.pi / 10))
           for turn in range(21)]],
    "7": [[(0.1, 0.05), (0.9, 0.05), (0.4, 1)]],
}

WATCH = """
window.watched = {sent: null, running: 0, most: 0, pretend: null};
const fetchOfBrowser = window.fetch;
window.fetch = async (address, options) => {
  if (!String(address).startsWith("predict")) return fetchOfBrowser(address, options);
  watched.sent = options.body;
  watched.most = Math.max(watched.most, ++watched.running);
  try {
    const pretend = watched.pretend;
    return pretend ? new Response(pretend.body, {status: pretend.status}) : await fetchOfBrowser(address, options);
  } finally {
    --watched.running;
  }
};
"""
SENT = """new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(watched.sent);
})"""
READY = "!document.getElementById('work').hidden"
# A browser may drop a click on a page that it has not shown yet.
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
IDLE = "document.querySelector('[aria-busy=true]') === null"


def with_points_between(points):
    """A pointer reports where it is all the time, not only at corners."""
    path = points[:1]
    for (x, y), (to_x, to_y) in zip(points, points[1:]):
        parts = max(1, round(math.hypot(to_x - x, to_y - y) / STEP))
        path += [(x + (to_x - x) * i / parts, y + (to_y - y) * i / parts) for i in range(1, parts + 1)]
    return path


class Page:
    """What one does on the page, and what it shows."""

    def __init__(self, browser, url):
        self.url = url
        self.tab = browser.tab()
        self.tab.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.tab.size(1100, 850)
        self.tab.prefer(prefers_color_scheme="light", prefers_reduced_motion="reduce")

    def open(self):
        self.tab.open(self.url)
        return self.tab.wait_for(READY) and self.tab.evaluate(PAINTED)

    def text(self, identifier):
        return self.tab.evaluate(f"document.getElementById('{identifier}').innerText").replace("\u00a0", " ")

    def shown(self, identifier):
        return self.tab.evaluate(f"document.getElementById('{identifier}').checkVisibility()")

    def is_idle(self):
        return self.tab.wait_for(IDLE)

    def sent(self):
        return base64.b64decode(self.tab.evaluate(SENT))

    def pretend(self, status, content):
        """Answers of the server to pictures, until the page is opened again or `trust` is called."""
        value = json.dumps({"status": status, "body": json.dumps(content)})
        self.tab.evaluate(f"watched.pretend = {value}")

    def trust(self):
        self.tab.evaluate("watched.pretend = null")

    def draw(self, strokes, left=0.125, size=1.0, pointer="mouse"):
        """Strokes in a square, `size` times as high as the area, `left` times its width away from its side."""
        box = self.tab.box("pad")
        side = size * box["height"]
        top = box["y"] + (box["height"] - side) / 2
        for stroke in strokes:
            points = [(box["x"] + left * box["width"] + x * side, top + y * side) for x, y in stroke]
            self.tab.draw(with_points_between(points), pointer)
        self.is_idle()

    def draw_number(self):
        for i, digit in enumerate(NUMBER):
            self.draw(SHAPES[digit], left=0.08 + 0.3 * i, size=0.32)

    def clear(self):
        self.tab.click("clear")
        self.is_idle()
