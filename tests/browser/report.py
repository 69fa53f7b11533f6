#!/usr/bin/env python3
"""Looks at report.html as a reader does, in headless Chromium.

    python3 tests/browser/report.py REPORT.html [REPORT2.html ...] [--screenshots FOLDER] [--time]

One line a check; the exit code is 1 where one fails. What a page should show is computed here, from the JSON in the file.
It needs Python's selenium, and Debian's chromium and chromium-driver (or CHROME and CHROMEDRIVER, their paths).
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import quote

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

MAIN_TEXTS = [
    "h1",
    "h2",
    "h3",
    ".conditions",
    ".conditions b",
    "nav a",
    ".numbers strong",
    ".numbers .beside strong",
    ".numbers span",
    ".verdict",
    "caption",
    "thead th",
    "tbody th",
    "td",
    "small",
    "figcaption",
    ".notes li",
    "label",
    "#shown",
    "select",
    "button[aria-pressed=true]",
    "button[aria-pressed=true] small",
    ".row button",
    ".row td",
    ".caption",
    ".caption b",
    ".cell b",
    ".cell small",
    ".command code",
    "summary",
    "footer p",
]

# The contrast of an element's text with its background; colours are read from a canvas, so any notation will do.
CONTRAST = """
const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const rgba = colours => { context.clearRect(0, 0, 1, 1); for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); } return [...context.getImageData(0, 0, 1, 1).data]; };
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
return arguments[0].map(selector => {
  const ratios = [...document.querySelectorAll(selector)].filter(e => e.getClientRects().length && e.textContent.trim() && !e.closest(":disabled, .missing, .absent")).slice(0, 40).map(element => {
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const [a, b] = [light(rgba(behind)), light(rgba([...behind, getComputedStyle(element).color]))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return [selector, ratios.length ? Math.min(...ratios) : null];
});"""

# What sticks out of the window, or is wider than a box that hides the rest.
CUT_OFF = """
const outside = [];
for (const element of document.querySelectorAll("body *")) {
  if (!element.getClientRects().length || element.closest("svg, .unseen, script, dialog:not([open])")) continue;
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const name = element.tagName + "." + element.className + " " + element.textContent.slice(0, 30);
  if (box.right > innerWidth + 1 || box.left < -1) outside.push(name);
  else if (style.overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1 && !element.matches("input, select")) outside.push("within " + name);
}
return outside;"""

# From an input to the frame that shows its effect.
FILTER_TIME = """
const [text, done] = arguments, input = document.querySelector("[name=q]");
input.value = text;
requestAnimationFrame(() => {
  const start = performance.now();
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const handled = performance.now() - start;
  requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => done([handled, performance.now() - start]); port2.postMessage(null); });
});"""

WATCH = "new MutationObserver((_, o) => { if ('ready' in document.documentElement.dataset) { window.readyAt = performance.now(); o.disconnect(); } }).observe(document, { subtree: true, attributes: true });"


class Report:
    """One report, open in a browser."""

    def __init__(self, browser, path):
        self.browser, self.path, self.failed = browser, path.resolve(), 0
        text = path.read_text(encoding="utf-8")
        block = lambda name: json.loads(
            re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)[1]
        )
        self.summary, self.rows, self.pictures = block("summary"), block("rows"), block("pictures")
        self.title = re.search(r"<title>(.*?)</title>", text, re.S)[1]
        self.count = len(self.rows["id"])

    def check(self, name, holds, detail=""):
        self.failed += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {name}" + (f": {detail}" if detail else ""))

    def open(self, state=""):
        self.browser.get("about:blank")
        self.browser.get(f"file://{quote(str(self.path))}#{state}")
        for _ in range(300):
            if self.run("return 'ready' in document.documentElement.dataset"):
                return
            time.sleep(0.05)
        raise SystemExit(f"{self.path}: the page does not become ready")

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys):
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def set(self, name, value):
        self.run(
            "const e = document.querySelector('#filters').elements[arguments[0]]; e.value = arguments[1]; e.dispatchEvent(new InputEvent('input', { bubbles: true }));",
            name,
            str(value),
        )

    def theme(self, name):
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": name}]},
        )

    def window(self, width, height=900):
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def shown(self):
        """The number of rows that the page says it shows."""
        return int(self.one("#shown").text.split(" of ")[0].replace(",", ""))

    def state(self):
        return self.run("return location.hash")

    def expected(self, run=0, **filters):
        """The places of the rows that filters leave."""
        rows, found, classes = self.rows, self.rows["runs"][run], self.summary["classes"]

        def keeps(i):
            right, iou, rank, guess = (
                found["right"][i],
                found["iou"][i],
                found["rank"][i],
                found["guess"][i],
            )
            guessed = (
                0 if right & 8 else 1 if right & 16 else 3 if rank is None and guess is None else 2
            )
            text = f"{rows['id'][i]}\n{' '.join(classes.get(str(rows['class'][i]), []))}".lower()
            return all(
                {
                    "q": lambda v: v.lower() in text,
                    "class": lambda v: rows["class"][i] == v,
                    "cause": lambda v: found["cause"][i] == v,
                    "size": lambda v: rows["group"][i] == v,
                    "guess": lambda v: guessed == v,
                    "counted": lambda v: rows["counted"][i] == v,
                    "right": lambda v: bool(right & 1) == (v == "right"),
                    "low": lambda v: iou is not None and iou >= v,
                    "high": lambda v: iou is not None and iou < v,
                }[name](value)
                for name, value in filters.items()
            )

        return [i for i in range(self.count) if keeps(i)]

    def closed(self):
        """Whether the viewer closes, and leaves the address, within a second."""
        for _ in range(20):
            if (
                not self.run("return document.querySelector('dialog').open")
                and "photo=" not in self.state()
            ):
                return True
            time.sleep(0.05)
        return False

    # ---- the checks, by topic ----

    def quiet(self):
        """After everything else: nothing went wrong, nothing was fetched."""
        missing_photo = lambda line: "ERR_FILE_NOT_FOUND" in line["message"]
        errors = [
            line["message"]
            for line in self.browser.get_log("browser")
            if line["level"] in ("SEVERE", "WARNING") and not missing_photo(line)
        ]
        self.check("no console errors", not errors, "; ".join(errors)[:300])
        events = [
            json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")
        ]
        urls = {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        }
        fetched = [url[:80] for url in urls if not url.startswith(("file:", "data:", "about:"))]
        self.check("no network request", not fetched, ", ".join(fetched))

    def texts(self):
        title = self.run(
            "const e = document.createElement('textarea'); e.innerHTML = arguments[0]; return e.value",
            self.title,
        )
        self.check("title is text", self.browser.title.split() == title.split(), self.browser.title)
        self.check(
            "dataset is text",
            self.summary["dataset"] in self.run("return document.querySelector('h1').textContent"),
        )
        self.check(
            "no element comes from data", not self.all("main script, main b b, header script")
        )
        values = [
            round(100 * m["value"], 1)
            for r in self.summary["runs"]
            for m in r["metrics"][:1]
            if m["value"] is not None
        ]
        large = [float(e.text.split()[0]) for e in self.all(".numbers p:first-child strong")]
        self.check(
            "headline",
            len(large) == len(values) and all(abs(a - b) < 0.11 for a, b in zip(large, values)),
            large,
        )
        for verdict, run in zip(
            self.all(".headline .verdict"),
            (r for r in self.summary["runs"] if any(m["value"] is not None for m in r["metrics"])),
        ):
            metric = next(m for m in run["metrics"] if m["value"] is not None)
            if None not in (metric["low"], metric["high"], metric["floor"]):
                reaches = metric["low"] <= metric["floor"] <= metric["high"]
                self.check(
                    "floor in words", ("reaches the floor" in verdict.text) == reaches, verdict.text
                )

    def filters(self):
        everything = self.expected()
        self.check("all photos listed", self.shown() == self.count, self.shown())
        index = next((c for c in self.rows["class"] if c is not None), None)
        cases = [
            {"q": self.rows["id"][self.count // 2][-6:]},
            {"low": 0.25, "high": 0.5},
            {"right": "wrong"},
            {"right": "right"},
        ]
        if index is not None:
            name = self.summary["classes"][str(index)][1]
            cases += [{"q": name[:5].upper()}, {"class": index}, {"class": index, "right": "wrong"}]
        cases += [{"cause": k} for k in range(len(self.summary["causes"]))]
        cases += [{"size": k} for k in range(len(self.summary["sizes"]))]
        cases += [{"guess": k} for k in range(4)]
        cases += [{"counted": 0}] if 0 in self.rows["counted"] else []
        cases += [{"run": k, "cause": 1} for k in range(1, len(self.rows["runs"]))]
        wrong = []
        for case in cases:
            self.run("document.querySelector('#filters').reset()")
            for name, value in case.items():
                self.set(name, value)
            want = len(self.expected(**case))
            if self.shown() != want:
                wrong.append(f"{case}: {self.shown()}, not {want}")
        self.check(f"filters ({len(cases)} cases)", not wrong, "; ".join(wrong))
        self.check("number of rows announced", self.one("#shown").get_attribute("role") == "status")
        self.check(
            "filters in the address",
            all(f"{k}={v}" in self.state() for k, v in cases[-1].items()),
            self.state(),
        )
        self.open("right=wrong&sort=-iou")
        self.check(
            "address sets the filters",
            self.shown() == len(self.expected(right="wrong"))
            and self.one("[name=right]").get_attribute("value") == "wrong",
        )
        self.check(
            "address sets the order",
            self.one("#photo-table [data-column=iou]").get_attribute("aria-sort") == "descending",
        )
        self.one("#filters [type=reset]").click()
        time.sleep(0.1)
        self.check("clear", self.shown() == len(everything))

    def charts_filter(self):
        bars = self.all(".histogram button")
        if bars:
            self.run("arguments[0].click()", bars[10])
            want = len(self.expected(low=0.5, high=0.55, counted=1))
            self.check(
                "histogram bar lists its photos", self.shown() == want, f"{self.shown()}, {want}"
            )
        cells, wrong = self.all(".causes .cell"), []
        for cell in cells:
            self.run("arguments[0].click()", cell)
            if self.shown() != int(cell.text.split()[0].replace(",", "")):
                wrong.append(cell.get_attribute("aria-label"))
        self.check(
            f"cause matrix lists its photos ({len(cells)} cells)", not wrong, "; ".join(wrong)
        )

    def sorting(self):
        self.open()
        key = {
            "id": lambda i: self.rows["id"][i],
            "iou": lambda i: self.rows["runs"][0]["iou"][i],
            "probability": lambda i: self.rows["runs"][0]["probability"][i],
        }
        for name, value in key.items():
            head = self.one(f"#photo-table [data-column={name}]")
            for state, reverse in (("ascending", False), ("descending", True)):
                self.run("arguments[0].querySelector('button').click()", head)
                known = [i for i in range(self.count) if value(i) is not None]
                want = [value(i) for i in sorted(known, key=value, reverse=reverse)][:5]
                rank = {id: i for i, id in enumerate(self.rows["id"])}
                got = [
                    value(rank[e.get_attribute("textContent")])
                    for e in self.all("#photo-table .row th button")[:5]
                ]
                self.check(
                    f"sort by {name}, {state}",
                    got[: len(want)] == want and head.get_attribute("aria-sort") == state,
                    got if got[: len(want)] != want else "",
                )
        if self.all("#class-table"):
            self.run("document.querySelector('#class-table [data-column=photos] button').click()")
            numbers = [
                int(e.text.replace(",", ""))
                for e in self.all("#class-table .row td:nth-child(2)")
                if e.text
            ]
            self.check("classes sort", numbers == sorted(numbers))
            search = self.one("#class-search")
            first = self.one("#class-table .row th").get_attribute("textContent")
            search.send_keys(first)
            kept = int(self.one("#classes-shown").text.split(" of ")[0].replace(",", ""))
            used = {line["class"] for run in self.summary["runs"] for line in run["by_class"]}
            want = sum(
                first.lower() in " ".join(self.summary["classes"].get(str(c), [])).lower()
                for c in used
            )
            self.check("classes search", kept == want, f"{kept}, {want}")
            row = self.one("#class-table .row th button")
            name = row.get_attribute("textContent")
            self.run("arguments[0].click()", row)
            chosen = self.one("[name=class]").get_attribute("value")
            self.check(
                "a class lists its photos",
                self.summary["classes"][chosen][1] == name
                and self.shown() == len(self.expected(**{"class": int(chosen)})),
            )

    def long_list(self):
        self.open()
        rows = len(self.all("#photo-table .row"))
        self.check(
            "few rows in the document", rows <= min(60, self.count), f"{rows} of {self.count}"
        )
        self.run(
            "const f = document.querySelector('#photo-table .long'); f.scrollTop = f.scrollHeight"
        )
        time.sleep(0.2)
        last = self.all("#photo-table .row")[-1]
        inside = self.run(
            "const r = arguments[0].getBoundingClientRect(), f = arguments[0].closest('.long').getBoundingClientRect(); return r.bottom <= f.bottom + 1 && r.top >= f.top",
            last,
        )
        self.check(
            "list scrolls to its end",
            inside
            and last.find_element(By.TAG_NAME, "th").get_attribute("textContent")
            == self.rows["id"][-1],
        )

    def viewer(self):
        self.open()
        place = next((int(p) for p in self.pictures), 0)
        thumbs = self.all(".thumbnail")
        opener = thumbs[0] if thumbs else self.one("#photo-table .row th button")
        self.run("arguments[0].scrollIntoView({ block: 'center' })", opener)
        opener.click()
        title = lambda: self.one("#viewer-title").get_attribute("textContent")
        shown = lambda selector: len(self.all(f"#stage {selector}"))
        self.check(
            "a photo opens",
            self.run("return document.querySelector('dialog').open") and title() in self.rows["id"],
            title(),
        )
        self.check("the address has it", f"photo={quote(title())}" in self.state(), self.state())
        if thumbs and self.pictures:
            width = self.run("return document.querySelector('#stage .frame').offsetWidth")
            self.check("large", width > 300, width)
            self.check(
                "true box and box found drawn", shown("rect.truth") > 0 or shown("rect.found") > 0
            )
        layers = ["photo", "saliency", "seeds", "cut", "component"]
        self.one("#close").click()
        self.closed()
        self.check(
            "focus comes back", self.run("return document.activeElement === arguments[0]", opener)
        )

        self.open(f"photo={quote(self.rows['id'][place])}")
        self.check("deep link", title() == self.rows["id"][place], title())
        drawn = next(iter((self.pictures.get(str(place)) or {"runs": [None]})["runs"]), None) or {}
        for number, layer in enumerate(layers, 1):
            if (
                layer != "photo"
                and layer not in drawn
                or layer == "photo"
                and str(place) not in self.pictures
            ):
                continue
            before = shown(f"img.{layer}")
            self.press(str(number))
            by_key = shown(f"img.{layer}")
            self.all("#layers button")[number - 1].click()
            self.check(
                f"layer {layer} by key and mouse",
                by_key == 1 - before and shown(f"img.{layer}") == before,
            )
        for number, kind in ((6, "found"), (7, "truth")):
            before = shown(f"rect.{kind}")
            self.press(str(number))
            after = shown(f"rect.{kind}")
            button = self.all("#layers button")[number - 1]
            pressed = button.get_attribute("aria-pressed")
            button.click()
            self.check(
                f"{kind} by key and mouse",
                after == 0 and pressed == "false" and shown(f"rect.{kind}") == before,
                before,
            )
        if drawn:
            self.run(
                "const r = document.querySelector('#opacity'); r.value = 20; r.dispatchEvent(new InputEvent('input'))"
            )
            self.press("2")
            self.check(
                "opacity",
                self.run(
                    "return getComputedStyle(document.querySelector('#stage .saliency')).opacity"
                )
                == "0.2",
            )
            self.press("2", "s")
            self.check("step by step", len(self.all("#stage figure")) == 6)
            self.press("s")
        if self.count > 1:
            first = title()
            self.press(Keys.ARROW_RIGHT)
            second = title()
            self.press(Keys.ARROW_LEFT)
            if place + 1 < self.count:
                self.check(
                    "arrow keys", second == self.rows["id"][place + 1] and title() == first, second
                )
        escaped = []
        for _ in range(40):
            self.press(Keys.TAB)
            if not self.run(
                "return document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"
            ):
                escaped.append(self.run("return document.activeElement.outerHTML.slice(0, 80)"))
        self.check("dialog keeps the focus", not escaped, escaped[:1])
        self.press(Keys.ESCAPE)
        self.check("Escape closes", self.closed(), self.state())

        row = self.all("#photo-table .row th button")[min(2, self.count - 1)]
        self.run("arguments[0].focus()", row)
        self.press(Keys.ENTER)
        opened = title()
        self.press(Keys.ESCAPE)
        self.closed()
        self.check(
            "keyboard opens from the list, and comes back",
            opened == self.rows["id"][min(2, self.count - 1)]
            and self.run("return document.activeElement.textContent") == opened,
        )

    def accessibility(self):
        self.open()
        self.names("page")
        levels = self.run(
            "return [...document.querySelectorAll('h1, h2, h3, h4')].filter(e => !e.closest('dialog')).map(e => Number(e.tagName[1]))"
        )
        self.check(
            "one h1, headings in order",
            levels.count(1) == 1
            and levels[0] == 1
            and all(b <= a + 1 for a, b in zip(levels, levels[1:])),
            levels,
        )
        self.check(
            "landmarks",
            all(self.all(tag) for tag in ("header", "nav[aria-label]", "main", "footer"))
            and len(self.all("main")) == 1,
        )
        self.check(
            "language and title",
            self.run("return document.documentElement.lang") == "en" and self.browser.title != "",
        )
        self.check("images have alternatives", not self.all("img:not([alt])"))
        self.check(
            "tables have captions",
            self.run(
                "return [...document.querySelectorAll('table')].every(t => t.caption?.textContent)"
            ),
        )
        self.check("table headings have scopes", not self.all("th:not([scope])"))
        self.check(
            "sortable headings say so",
            all(e.get_attribute("aria-sort") for e in self.all(".long thead th")),
        )
        self.check(
            "ids are unique",
            self.run(
                "const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.length === new Set(ids).size"
            ),
        )
        unseen = []
        for _ in range(25):
            self.press(Keys.TAB)
            if not self.run(
                "const e = document.activeElement, s = getComputedStyle(e); return e === document.body || s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1"
            ):
                unseen.append(self.run("return document.activeElement.outerHTML.slice(0, 80)"))
        self.check("focus is visible", not unseen, unseen[:1])
        self.open(f"photo={quote(self.rows['id'][0])}")
        self.names("viewer")

    def names(self, where):
        """Every control has a name, as the browser tells it to a screen reader."""
        roles = {
            "button",
            "link",
            "textbox",
            "searchbox",
            "spinbutton",
            "combobox",
            "slider",
            "checkbox",
            "table",
            "dialog",
            "image",
            "img",
            "group",
            "region",
            "navigation",
        }
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        value = lambda node, key: node.get(key, {}).get("value", "")
        bare = [
            value(n, "role")
            for n in nodes
            if not n["ignored"]
            and value(n, "role") in roles - {"group"}
            and not value(n, "name").strip()
        ]
        self.check(f"controls have names ({where})", len(nodes) > 20 and not bare, bare)

    def looks(self, folder):
        for theme in ("light", "dark"):
            self.theme(theme)
            self.window(1400)
            self.open()
            paper = self.run("return getComputedStyle(document.documentElement).backgroundColor")
            self.check(
                f"{theme} background",
                (sum(map(int, re.findall(r"\d+", paper)[:3])) > 600) == (theme == "light"),
                paper,
            )
            low = [
                (name, round(ratio, 2))
                for name, ratio in self.run(CONTRAST, MAIN_TEXTS)
                if ratio is not None and ratio < 4.5
            ]
            self.check(f"contrast, {theme}", not low, low)
            for width in (1400, 900, 390):
                self.window(width)
                self.open()
                self.check(
                    f"no sideways scroll at {width}, {theme}",
                    self.run("return document.documentElement.scrollWidth <= innerWidth"),
                )
                if len(self.rows["runs"]) < 3:
                    out = self.run(CUT_OFF)
                    self.check(f"nothing cut off at {width}, {theme}", not out, out[:3])
                self.screenshot(folder, f"{width}-{theme}", width, whole=True)
                place = next((int(p) for p in self.pictures), 0)
                self.open(f"photo={quote(self.rows['id'][place])}")
                if len(self.rows["runs"]) < 3:
                    out = self.run(CUT_OFF)
                    self.check(f"viewer: nothing cut off at {width}, {theme}", not out, out[:3])
                self.screenshot(folder, f"{width}-{theme}-viewer", width, whole=False)
        self.theme("light")
        self.window(1400)

    def screenshot(self, folder, name, width, whole):
        if folder is None:
            return
        if whole:
            self.window(width, min(self.run("return document.documentElement.scrollHeight"), 9000))
            time.sleep(0.3)
        self.browser.save_screenshot(str(folder / f"{self.path.stem}-{name}.png"))

    def times(self):
        self.open()
        paint = {
            e["name"]: e["startTime"]
            for e in self.run("return performance.getEntriesByType('paint').map(e => e.toJSON())")
        }
        ready = self.run(
            "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        )
        print(
            f"time {self.path.name}: {self.path.stat().st_size / 1e6:.1f} MB, {self.count} rows; first paint {paint.get('first-paint', 0):.0f} ms, "
            f"first contentful paint {paint.get('first-contentful-paint', 0):.0f} ms, DOM ready {ready:.0f} ms, all drawn {self.run('return window.readyAt'):.0f} ms"
        )
        name = self.rows["id"][0]
        taken = [
            self.browser.execute_async_script(FILTER_TIME, text)
            for text in (name[-1], name[-2:], name[-3:], name[-4:], "")
        ]
        handled, painted = (statistics.median(column) for column in zip(*taken))
        print(
            f"time {self.path.name}: filter {painted:.0f} ms to the next painted frame, of which {handled:.0f} ms at work (median of 5)"
        )


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("CHROME", "/usr/bin/chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1400,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(
        service=Service(os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver")), options=options
    )
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return driver


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--screenshots", type=Path, help="a folder for screenshots")
    parser.add_argument("--time", action="store_true", help="print size and times too")
    arguments = parser.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    failed = 0
    driver = browser()
    try:
        for path in arguments.reports:
            print(f"---- {path}")
            report = Report(driver, path)
            report.theme("light")
            report.window(1400)
            report.open()
            report.texts()
            report.filters()
            report.charts_filter()
            report.sorting()
            report.long_list()
            report.viewer()
            report.accessibility()
            report.looks(arguments.screenshots)
            if arguments.time:
                report.times()
            report.quiet()
            failed += report.failed
    finally:
        driver.quit()
    print(f"{failed} failed" if failed else "all hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
