"""Checks the page of mnist serve in a browser. Run it with scripts/check_page; see its --help.

The page is only watched from outside: by mouse, pen, finger and keyboard, and by what it shows. One thing is put into
it before its scripts run: a wrapper of fetch() that keeps what the page sends and can pretend an answer of the server.
Prints one line per check. Exit code 1 if a check fails.
"""

import argparse
import contextlib
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import serve_process
from checks import Checks
from devtools import CONTROL, PATIENCE, Browser
from digit_strokes import strokes_of, test_digits
from page_in_browser import NUMBER, READY, SHAPES, Page

KEY = "a-key-for-the-test"
LEAST_RIGHT = 0.8   # of digits that are drawn with one pen through the middle of their ink
LEAST_CONTRAST = 4.5
BLANK = """(() => {
  const pad = document.getElementById("pad");
  const blank = document.createElement("canvas");
  [blank.width, blank.height] = [pad.width, pad.height];
  return pad.toDataURL() === blank.toDataURL();
})()"""
LOW_CONTRAST = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => parts(color).slice(0, 3).map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.closest("script, style, :disabled")) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(background(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < LEAST) low.push(`${text}: ${contrast.toFixed(2)}`);
  }
  return low;
})()""".replace("LEAST", str(LEAST_CONTRAST))


@contextlib.contextmanager
def serving(arguments, *options):
    """A server of its own."""
    models = {"digits": arguments.model, "photos": arguments.photo_model}
    named = [f"{name}={pathlib.Path(file).resolve()}" for name, file in models.items() if file]
    with tempfile.TemporaryDirectory() as folder, \
            serve_process.Server(serve_process.find_program(arguments.mnist), folder, named, *options) as server:
        yield server


def infer(arguments, files):
    """What the program says for files."""
    command = [arguments.mnist, "infer", "--model", arguments.model, "--format", "json", "--image", *files]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def percent(probability):
    return "100 %" if probability >= 1 else f"{math.floor(probability * 1000) / 10:.1f} %"


def check_policy(checks, url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        policy = answer.headers.get("Content-Security-Policy", "")
        kind = answer.headers.get("Content-Type", "")
    checks.check("type of the page", kind.startswith("text/html"), kind)
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
    hashes = [source for name in ("script-src", "style-src") for source in parts.pop(name, "none").split()]
    strict = {"default-src": "'none'", "img-src": "data: blob:", "connect-src": "'self'", "base-uri": "'none'",
              "form-action": "'none'", "frame-ancestors": "'none'"}
    checks.check("policy: scripts and styles only by their SHA-256",
                 all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source) for source in hashes), policy)
    checks.check("policy: nothing else", parts == strict, policy)


def check_digits(checks, arguments, page, folder):
    """Digits of the test set, by mouse, pen and finger; what the page shows is what infer says."""
    digits = test_digits(arguments.data_dir, arguments.digits)
    shown, files, right = [], [], 0
    for i, (label, pixels) in enumerate(digits):
        page.clear()
        page.draw(strokes_of(pixels), pointer=["mouse", "pen"][i % 2])
        files.append(folder / f"{i}-{label}.png")
        files[-1].write_bytes(page.sent())
        shown.append((page.text("answer"), page.text("sure")))
        right += shown[-1][0] == str(label)
    answers = [(one["prediction"] or f"{one['reason'].capitalize()}.", percent(one["probability"] or 0))
               for one in infer(arguments, files)]
    checks.check(f"{len(digits)} digits of the test set, drawn", right >= LEAST_RIGHT * len(digits),
                 f"{right} right: {shown}")
    checks.check("the page shows what mnist infer says", shown == answers, f"{shown} instead of {answers}")
    checks.check("one request at a time", page.tab.evaluate("watched.most") == 1, page.tab.evaluate("watched.most"))
    check_parts(checks, page, shown[-1])
    return files[-1], shown[-1]


def check_parts(checks, page, shown):
    bars = page.tab.evaluate("[...document.querySelectorAll('#bars li')].map((row) => row.innerText.split(/\\s+/)[0])")
    checks.check("a bar for each class", bars == list("0123456789"), bars)
    first = page.tab.evaluate("document.querySelector('#bars .first').innerText").replace("\u00a0", " ").split("\n")
    checks.check("the longest bar is the answer's", (first[0], first[-1]) == shown, first)
    seen = page.tab.evaluate("""(() => {
      const image = document.getElementById("seen");
      return [image.naturalWidth, image.naturalHeight, getComputedStyle(image).imageRendering, image.alt !== "",
        image.checkVisibility()];
    })()""")
    checks.check("what the network sees", seen == [28, 28, "pixelated", True, True], seen)
    summary = page.text("summary")
    checks.check("summary for screen readers", summary.startswith(f"{shown[0]}, {shown[1]}"), summary)


def check_several(checks, page):
    page.clear()
    page.draw_number()
    checks.check("several digits are counted", page.text("answer") == "3 digits found.", page.text("answer"))
    page.tab.click("read-all")
    page.is_idle()
    digits = page.tab.evaluate("[...document.querySelectorAll('#digits b')].map((digit) => digit.innerText).join('')")
    checks.check("and read", page.text("answer") == NUMBER == digits, f"{page.text('answer')}, {digits}")
    page.tab.evaluate("document.querySelectorAll('#digits button')[2].focus()")
    page.tab.press("Enter")
    first = page.tab.evaluate("document.querySelector('#bars .first span').innerText")
    checks.check("bars of a chosen digit", first == NUMBER[2], first)
    page.tab.click("multi")


def check_keyboard(checks, page):
    page.clear()
    page.draw(SHAPES["7"], left=0.3, size=0.7)
    page.draw([[(0.1, 0.5)]], left=0.1)
    page.tab.press("z", CONTROL)
    page.is_idle()
    checks.check("Ctrl+Z takes a stroke back", page.text("answer") == "7", page.text("answer"))
    page.tab.evaluate("document.activeElement.blur()")
    order = []
    while "clear" not in order and len(order) < 20:
        page.tab.press("Tab")
        order.append(page.tab.evaluate("document.activeElement.id"))
    outline = page.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    checks.check("Tab reaches Clear, and one sees it", order[-1] == "clear" and outline == "solid",
                 f"{order}, {outline}")
    page.tab.press("Enter")
    page.is_idle()
    checks.check("Enter clears", page.tab.evaluate(BLANK) and page.text("answer") == "Nothing to read yet.",
                 page.text("answer"))
    page.draw(SHAPES["4"], left=0.3, size=0.7)
    checks.check("there is ink again", not page.tab.evaluate(BLANK))
    page.tab.press("Escape")
    checks.check("Escape clears", page.tab.evaluate(BLANK) and page.is_idle())


def check_file(checks, page, file, shown):
    page.tab.give_file("file", file)
    page.is_idle()
    given = (page.text("answer"), page.text("sure"))
    checks.check("the same picture as a file", given == shown, f"{given} instead of {shown}")
    for kind, event in [("paste", "new ClipboardEvent('paste', {clipboardData: data})"),
                        ("drop", "new DragEvent('drop', {dataTransfer: data})")]:
        page.clear()
        page.tab.evaluate(f"""(() => {{
          const data = new DataTransfer();
          data.items.add(new File([watched.sent], "digit.png", {{type: "image/png"}}));
          document.dispatchEvent({event});
        }})()""")
        page.is_idle()
        given = (page.text("answer"), page.text("sure"))
        checks.check(f"the same by {kind}", given == shown, f"{given} instead of {shown}")
    page.draw(SHAPES["7"], left=0.3, size=0.7)
    checks.check("a drawing replaces the file", page.text("answer") == "7" and not page.shown("picture"))


def check_looks(checks, page, screenshots):
    """Both colour schemes, and phones."""
    tab = page.tab
    tab.evaluate("document.activeElement.blur()")
    for scheme in ["light", "dark"]:
        tab.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        paper = tab.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        checks.check(f"{scheme} colours", (paper < 60) == (scheme == "dark"), paper)
        low = tab.evaluate(LOW_CONTRAST)
        checks.check(f"{scheme} contrast", not low, low)
        if screenshots:
            tab.screenshot(screenshots / f"desktop-{scheme}.png")
    tab.prefer(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    for width in [320, 390]:
        tab.size(width, 740, phone=True)
        page.open()
        page.draw(SHAPES["4"], left=0.3, size=0.7, pointer="touch")
        checks.check(f"{width} pixels: a finger draws", page.text("answer") == "4", page.text("answer"))
        checks.check(f"{width} pixels: drawing does not scroll", tab.evaluate("scrollY") == 0, tab.evaluate("scrollY"))
        wide = tab.evaluate("document.documentElement.scrollWidth")
        checks.check(f"{width} pixels: nothing is wider", wide <= width, wide)
        tab.evaluate("""(() => {
          document.getElementById("model").add(new Option("n".repeat(100), "9", false, true));
          document.getElementById("model-choice").hidden = false;
        })()""")
        wide = tab.evaluate("document.documentElement.scrollWidth")
        checks.check(f"{width} pixels: nor is the name of a model", wide <= width, wide)
        page.open()
        page.draw(SHAPES["4"], left=0.3, size=0.7, pointer="touch")
    if screenshots:
        tab.screenshot(screenshots / "phone.png")
        page.clear()
        page.draw_number()
        tab.click("read-all")
        page.is_idle()
        tab.screenshot(screenshots / "phone-number.png")
    tab.size(1100, 850)


def check_renewed(checks, page):
    """As if the server had replaced the model since the page asked for its classes."""
    page.clear()
    page.tab.evaluate("state.model = {...state.model, sha256: 'old', classes: ['a', 'b']}; showModel()")
    page.draw(SHAPES["4"], left=0.3, size=0.7)
    page.is_idle()
    bars = page.tab.evaluate("document.querySelectorAll('#bars li').length")
    checks.check("a new model behind the name", page.text("answer") == "4" and bars == 10
                 and page.text("title") == "Draw a digit" and "new model" in page.text("renewed"),
                 f"{page.text('answer')}, {bars} bars, {page.text('title')}: {page.text('renewed')}")


def check_photo(checks, arguments, page):
    page.tab.evaluate("""(() => {
      const choice = document.getElementById("model");
      choice.selectedIndex = [...choice.options].findIndex((option) => option.text === "photos");
      choice.dispatchEvent(new Event("change"));
    })()""")
    page.tab.wait_for("document.getElementById('pad').hidden")
    page.tab.give_file("file", arguments.photo)
    page.is_idle()
    answer, = infer(argparse.Namespace(mnist=arguments.mnist, model=arguments.photo_model), [arguments.photo])
    checks.check("a photo", page.text("answer") == answer["prediction"], f"{page.text('answer')} instead of {answer}")
    checks.check("what the network sees of it", page.tab.evaluate("document.getElementById('seen').naturalWidth") >= 32)
    if arguments.screenshots:
        page.tab.screenshot(arguments.screenshots / "photo.png")


def check_quiet(checks, page):
    """The page asked nobody else, and the browser had nothing to say."""
    others = [address for address in page.tab.addresses() if not address.startswith((page.url, "data:", "blob:"))]
    checks.check("no request to others", not others and len(page.tab.addresses()) > 10, others)
    checks.check("no message in the console", not page.tab.messages(), page.tab.messages())


def check_errors(checks, page):
    """What the page says when the server refuses."""
    expected = {413: "too large", 503: "tries again", 408: "too long", 500: "Out of luck.", 400: "Out of luck."}
    for status, words in expected.items():
        page.open()
        page.pretend(status, {"error": "out of luck", "hint": ""})
        page.tab.click("pad")
        shown = page.tab.wait_for(f"document.getElementById('message').innerText.includes('{words}')", 5)
        checks.check(f"words for the status {status}", shown, page.text("message"))
    page.open()
    place = page.tab.box("pad")
    page.pretend(503, {})
    page.tab.click("pad")
    shown = page.tab.wait_for("document.getElementById('message').checkVisibility()", 5)
    checks.check("a message does not move the drawing", shown and page.tab.box("pad") == place, page.tab.box("pad"))
    page.trust()
    page.is_idle()
    answered = not page.shown("message") and page.text("answer") != "Nothing to read yet."
    checks.check("after 503 it tries again", answered, f"{page.text('answer')} {page.text('message')}")
    page.tab.evaluate("takeFile(new File(['no picture'], 'digit.png', {type: 'image/png'}))")
    page.is_idle()
    gone = page.tab.wait_for("document.getElementById('picture').hidden", 5)
    checks.check("a file that is no picture", gone and page.shown("message") and page.text("answer") == "No answer."
                 and page.text("summary") == "", f"{page.text('message')} {page.text('summary')}")


def check_without_scripts(checks, page):
    page.tab.call("Emulation.setScriptExecutionDisabled", value=True)
    page.tab.open(page.url)
    text = page.tab.evaluate("document.body.innerText")
    checks.check("without JavaScript it shows curl", "curl -F" in text and "Clear" not in text, text)
    page.tab.call("Emulation.setScriptExecutionDisabled", value=False)


def check_key(checks, arguments, browser, folder):
    """A server that asks for an API key, and then one that is gone."""
    (folder / "key.txt").write_text(KEY + "\n")
    with serving(arguments, "--api-key-file", folder / "key.txt") as server:
        url = server.url + "/"
        page = Page(browser, url)
        page.tab.open(url)
        asked = page.tab.wait_for("document.getElementById('key-text').innerText.includes('asks for an API key')")
        checks.check("it asks for the API key", asked and not page.shown("work"))
        if arguments.screenshots:
            page.tab.screenshot(arguments.screenshots / "key.png")
        refused = "document.getElementById('key-text').innerText.includes('not accept')"
        for key, then in [("wrong", refused), (KEY, READY)]:
            page.tab.click("key")
            page.tab.write(key)
            page.tab.press("Enter")
            checks.check(f"API key: {key}", page.tab.wait_for(then))
        page.draw(SHAPES["4"], left=0.3, size=0.7)
        checks.check("with the key it reads", page.text("answer") == "4", page.text("answer"))
        checks.check("the key is in no address", KEY not in " ".join(page.tab.addresses()))
        server.stop()
        page.draw([[(0.1, 0.1)]])
        checks.check("words for a server that is gone", "does not answer" in page.text("message"), page.text("message"))
        if arguments.screenshots:
            page.tab.screenshot(arguments.screenshots / "gone.png")


def read_arguments():
    parser = argparse.ArgumentParser()
    for name in ["--model", "--data-dir"]:
        parser.add_argument(name, type=pathlib.Path, required=True)
    for name in ["--photo-model", "--photo", "--screenshots"]:
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--mnist", type=pathlib.Path, default="build/release/bin/mnist")
    parser.add_argument("--digits", type=int, default=2)
    parser.add_argument("--url", type=lambda url: url.rstrip("/") + "/")
    parser.add_argument("--browser", default="chromium")
    arguments = parser.parse_args()
    if (arguments.photo_model is None) != (arguments.photo is None):
        parser.error("--photo-model and --photo belong together")
    return arguments


def main():
    arguments = read_arguments()
    checks = Checks()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        url = arguments.url or stack.enter_context(serving(arguments)).url + "/"
        browser = stack.enter_context(Browser(arguments.browser, folder / "profile"))
        if arguments.screenshots:
            arguments.screenshots.mkdir(parents=True, exist_ok=True)
        check_policy(checks, url)
        page = Page(browser, url)
        checks.check("the page is there", page.open())
        file, shown = check_digits(checks, arguments, page, folder)
        check_file(checks, page, file, shown)
        check_several(checks, page)
        check_keyboard(checks, page)
        page.draw(strokes_of(test_digits(arguments.data_dir, 1)[0][1]))
        check_renewed(checks, page)
        check_looks(checks, page, arguments.screenshots)
        if arguments.photo:
            page.open()
            check_photo(checks, arguments, page)
        check_quiet(checks, page)
        check_errors(checks, page)
        check_without_scripts(checks, page)
        if not arguments.url:
            check_key(checks, arguments, browser, folder)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
