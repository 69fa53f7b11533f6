// Charts. Each is a table or has its numbers as text beside it, so nothing is said by colour or length alone.

/** A swatch and a run's name. */
const runName = place => html("span", { class: `name run-${place}` }, html("i", { class: "swatch" }), summary.runs[place].name);

/**
 * One bar a run, with the interval as a whisker and the floor as a tick.
 * cells: [{ value, low, high, floor } or null], of the runs from `first` on; the axis goes from 0 to `end`.
 */
function strip(cells, end = 1, first = 0) {
  const x = value => 100 * Math.min(value / end, 1);
  const line = (kind, x1, y1, x2, y2) => svg("line", { class: kind, x1, y1, x2, y2 });
  const marks = cells.flatMap((cell, i) => {
    const top = 10 * i;
    if (!known(cell?.value)) return [];
    const marks = [svg("rect", { class: `bar run-${first + i}`, x: 0, y: top + 2, width: x(cell.value), height: 6 })];
    if (known(cell.low) && known(cell.high)) marks.push(line("whisker", x(cell.low), top + 5, x(cell.high), top + 5));
    if (known(cell.floor)) marks.push(line("floor", x(cell.floor), top + 0.5, x(cell.floor), top + 9.5));
    return marks;
  });
  const height = 10 * cells.length;
  return svg("svg", { class: "strip", viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", style: `height: ${1.6 * height}px`, "aria-hidden": "true" }, ...marks);
}

/**
 * A table of shares: a name, one column of values with their intervals for each run, the floor, and bars.
 * lines: [{ name, detail, what, cells: [{ value, low, high, floor }, …] }], one cell a run.
 */
function shares(caption, first, lines) {
  const floors = line => [...new Set(line.cells.filter(cell => known(cell?.floor)).map(cell => percent(cell.floor)))].join(", ");
  const floored = lines.some(floors);
  const cell = data => html("td", { class: "number" }, html("b", {}, percent(data?.value)), html("small", {}, interval(data?.low, data?.high)));
  const head = [
    html("th", { scope: "col" }, first),
    ...summary.runs.map((run, place) => html("th", { scope: "col", class: "number" }, several ? runName(place) : "Value, 95 %")),
    floored ? html("th", { scope: "col", class: "number" }, "Floor") : null,
    html("td", { class: "drawn" }),
  ];
  const body = lines.map(line => html("tr", {},
    html("th", { scope: "row", title: line.what }, line.name, line.detail ? html("small", {}, line.detail) : null),
    ...line.cells.map(cell),
    floored ? html("td", { class: "number" }, floors(line)) : null,
    html("td", { class: "drawn" }, strip(line.cells))));
  return table(caption, head, body, "shares");
}

/** A table in a box that scrolls by itself where it is too wide. */
function table(caption, head, body, kind = "") {
  return html("div", { class: `scroll ${kind}` }, html("table", {},
    html("caption", {}, caption), html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...body)));
}

/** A figure with a heading and a line of text. */
function figure(title, text, ...content) {
  return html("figure", {}, html("h3", {}, title), ...content, text && html("figcaption", {}, text));
}

const byWeight = () => rows.weight ? ", by weight" : "";

/** Accuracy against the IoU that a box must reach, one line a run. */
function accuracyCurve() {
  const [left, top, width, height] = [34, 10, 316, 180];
  const x = value => left + width * value;
  const y = share => top + height * (1 - share);
  const all = total(() => true);
  const accuracy = (run, least) => total(place => run.iou[place] >= least) / all;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap(share => [
    svg("line", { class: "grid", x1: left, x2: left + width, y1: y(share), y2: y(share) }),
    svg("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, percent(share, 0))]);
  const ticks = [0, 0.3, 0.5, 0.7, 1].flatMap(least => [
    svg("line", { class: "grid", x1: x(least), x2: x(least), y1: top, y2: top + height }),
    svg("text", { x: x(least), y: top + height + 16, "text-anchor": "middle" }, String(least))]);
  const lines = rows.runs.flatMap((run, place) => [
    svg("polyline", { class: `line run-${place}`, points: Array.from({ length: 101 }, (_, i) => `${x(i / 100)},${y(accuracy(run, i / 100))}`).join(" ") }),
    ...[0.3, 0.5, 0.7].map(least => svg("circle", { class: `dot run-${place}`, cx: x(least), cy: y(accuracy(run, least)), r: 3.5 }))]);
  const text = rows.runs.map((run, place) => [
    several ? runName(place) : null, several ? " " : null,
    [0.3, 0.5, 0.7].map(least => `${percent(accuracy(run, least))} % at ${least}`).join(", "), html("br")]);
  return figure("Accuracy against IoU", text.flat(),
    svg("svg", { class: "curve", viewBox: "0 0 360 230", role: "img", "aria-label": "Accuracy against the IoU that a box must reach; the numbers are listed below" },
      ...grid, ...ticks, ...lines,
      svg("text", { x: left + width / 2, y: top + height + 34, "text-anchor": "middle" }, `IoU of at least; right, in per cent${byWeight()}`)));
}

/** How many photos have which IoU: twenty buttons, each of which lists its photos. */
function histogram() {
  const bins = rows.runs.map(() => new Float64Array(20));
  const counts = rows.runs.map(() => new Uint32Array(20));
  rows.runs.forEach((run, k) => {
    for (let place = 0; place < rows.count; place++) {
      if (!rows.counted[place] || Number.isNaN(run.iou[place])) continue;
      const bin = Math.min(19, Math.floor(20 * run.iou[place]));
      bins[k][bin] += rows.weight?.[place] ?? 1;
      counts[k][bin]++;
    }
  });
  const most = Math.max(...bins.flatMap(run => [...run]));
  const buttons = Array.from({ length: 20 }, (_, bin) => {
    const [low, high] = [bin / 20, (bin + 1) / 20];
    const label = `IoU ${low.toFixed(2)} to ${high.toFixed(2)}: ` + counts.map((run, k) => (several ? `${summary.runs[k].name} ` : "") + photos(run[bin])).join(", ");
    return html("button", { type: "button", class: bin < 10 ? "below" : null, title: label, "aria-label": label, click: () => choose({ low, high: high === 1 ? "" : high, counted: "1" }) },
      ...bins.map((run, k) => html("i", { class: `bar run-${k}`, style: `height: ${100 * run[bin] / most}%` })));
  });
  return figure("IoU of the boxes", `Photos in twenty steps of IoU${byWeight()}; pale below 0.5. A bar lists its photos.`,
    html("div", { class: "histogram", role: "group", "aria-label": "Photos by IoU" }, ...buttons),
    html("div", { class: "axis", "aria-hidden": "true" }, ...["0", "0.25", "0.5", "0.75", "1"].map(text => html("span", {}, text))));
}

/** What went wrong: whether the class was guessed against what became of the box. Each number lists its photos. */
function causeMatrix(run) {
  const all = total(() => true);
  const data = rows.runs[run];
  const counts = GUESSES.map(() => new Uint32Array(summary.causes.length));
  const weights = GUESSES.map(() => new Float64Array(summary.causes.length));
  for (let place = 0; place < rows.count; place++) {
    if (!rows.counted[place] || data.cause[place] < 0) continue;
    const guess = guessed(data, place);
    counts[guess][data.cause[place]]++;
    weights[guess][data.cause[place]] += rows.weight?.[place] ?? 1;
  }
  const head = [html("th", { scope: "col" }, "Class guessed"),
    ...summary.causes.map(([name, meaning]) => html("th", { scope: "col", title: meaning }, name))];
  const body = GUESSES.map((name, guess) => counts[guess].some(Boolean) ? html("tr", {}, html("th", { scope: "row" }, name),
    ...summary.causes.map(([cause], place) => {
      const share = weights[guess][place] / all;
      const choice = { run: run ? String(run) : "", guess: String(guess), cause: String(place), counted: "1" };
      return html("td", {}, counts[guess][place] ? html("button", {
        type: "button", class: `cell run-${run}`, style: `--share: ${share}`, click: () => choose(choice),
        "aria-label": `class ${name}, box ${cause}: ${photos(counts[guess][place])}, ${percent(share)} %`,
      }, html("b", {}, count(counts[guess][place])), html("small", {}, `${percent(share)} %`)) : html("span", { class: "none" }, "·"));
    })) : null).filter(Boolean);
  return table(`${several ? `${summary.runs[run].name}: class` : "Class"} and box of ${photos(counts.reduce((sum, line) => sum + line.reduce((a, b) => a + b), 0))}${byWeight()}`, head, body, "causes");
}
