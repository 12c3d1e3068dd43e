"""Drives headless Chromium over the WebDriver protocol: browser.py PAGE STEP...

Steps, each printing what it finds on a line of its own:
  text CSS          the text of the first such element, as it is seen
  count CSS         how many such elements are seen
  column TABLE KEY  exact values of a column's visible cells, top to bottom, joined by spaces
  foot TABLE KEY    the exact value below that column
  click CSS         (prints nothing)
  type CSS TEXT     replaces what a field holds (prints nothing)
  js EXPRESSION     its value
  log               what the browser complained about
  shot FILE         a picture of the window as PNG (prints nothing)
"""
import base64
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile

SIZE = os.environ.get("BROWSER_SIZE", "1280,1560")
FIND = """
const seen = (e) => e.getClientRects().length > 0;
const all = [...document.querySelectorAll(arguments[0])].filter(seen);
"""
COLUMN = """
const table = document.getElementById(arguments[0]);
const column = [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.key === arguments[1]);
const rows = [...(arguments[2] ? table.tFoot : table.tBodies[0]).rows].filter((row) => !row.hidden);
return rows.map((row) => row.cells[column].dataset.v ?? row.cells[column].textContent.replace(/\\s/g, "_")).join(" ");
"""


class Browser:
    def __init__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                break
        else:
            sys.exit("chromedriver did not start")
        self.http = http.client.HTTPConnection("127.0.0.1", int(port.group(1)), timeout=60)
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = {"binary": "/usr/bin/chromium", "args": ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   "--disable-dev-shm-usage", "--window-size=" + SIZE, "--user-data-dir=" + self.home.name]}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.base = "/session/" + answer["sessionId"]

    def call(self, method, path, body=None):
        self.http.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        value = json.loads(self.http.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            sys.exit(f"{path}: {value['message']}")
        return value

    def ask(self, what, body):
        return self.call("POST", self.base + what, body)

    def script(self, text, *arguments):
        return self.ask("/execute/sync", {"script": text, "args": list(arguments)})

    def element(self, css):
        found = self.ask("/element", {"using": "css selector", "value": css})
        return "/element/" + next(iter(found.values()))

    def end(self):
        self.call("DELETE", self.base)
        self.driver.terminate()
        self.driver.wait()
        self.home.cleanup()


def run(browser, steps):
    while steps:
        step = steps.pop(0)
        if step == "text":
            print(browser.script(FIND + "return all.length ? all[0].innerText : 'nothing there'", steps.pop(0)))
        elif step == "count":
            print(browser.script(FIND + "return all.length", steps.pop(0)))
        elif step in ("column", "foot"):
            print(browser.script(COLUMN, steps.pop(0), steps.pop(0), step == "foot"))
        elif step == "click":
            browser.ask(browser.element(steps.pop(0)) + "/click", {})
        elif step == "type":
            field = browser.element(steps.pop(0))
            browser.ask(field + "/clear", {})
            browser.ask(field + "/value", {"text": steps.pop(0)})
        elif step == "js":
            print(browser.script("return " + steps.pop(0)))
        elif step == "log":
            print("; ".join(entry["message"] for entry in browser.ask("/se/log", {"type": "browser"})))
        elif step == "shot":
            with open(steps.pop(0), "wb") as picture:
                picture.write(base64.b64decode(browser.call("GET", browser.base + "/screenshot")))
        else:
            sys.exit(f"no step is called {step}")


browser = Browser()
try:
    browser.ask("/url", {"url": "file://" + os.path.realpath(sys.argv[1])})
    run(browser, sys.argv[2:])
finally:
    browser.end()
