// The page: what is drawn from the summary at once, then what needs the rows, then the state in the address.

// ---- at once, from the summary ----

function header() {
  const distinct = key => [...new Set(summary.runs.map(run => run[key]))].join(" and ");
  byId("program").textContent = byId("made-by").textContent = summary.program;
  document.body.classList.toggle("several", several);
  byId("title").textContent = `${distinct("pipeline")} on ${summary.dataset}`;
  const failed = summary.runs.map(run => run.failed);
  byId("conditions").append(...[
    ["model", distinct("model")],
    ["profile", summary.profile],
    ["photos", summary.images === summary.images_in_dataset ? count(summary.images) : `${count(summary.images)} of ${count(summary.images_in_dataset)}`],
    ["failed", failed.every(one => one === failed[0]) ? count(failed[0]) : failed.map(count).join(" and ")],
  ].map(([name, text]) => html("span", {}, `${name} `, html("b", {}, text))));
}

/** The first number of each run, large, with its interval, beside what a constant box reaches. */
function result() {
  byId("result").append(...summary.runs.map((run, place) => {
    const metric = run.metrics.find(metric => known(metric.value));
    const title = html("p", { class: "run-title" }, several ? runName(place) : null, html("span", {}, run.title));
    if (!metric) return html("div", { class: "headline" }, title, html("p", {}, "Nothing could be scored: no true boxes are known."));
    return html("div", { class: "headline" }, title,
      html("p", { class: "name" }, `${metric.name}${metric.detail ? `, ${metric.detail}` : ""}${metric.weighted ? ", by weight" : ""}`),
      html("div", { class: "numbers" },
        html("p", {}, html("strong", {}, percent(metric.value), html("small", {}, " %")), html("span", {}, known(metric.low) ? `95 %: ${interval(metric.low, metric.high)}` : "no interval")),
        known(metric.floor) ? html("p", { class: "beside" }, html("strong", {}, percent(metric.floor), html("small", {}, " %")), html("span", {}, `floor: ${run.floor_name}`)) : null),
      strip([metric], 1, place),
      html("p", { class: "verdict" }, againstFloor(metric)));
  }));
}

/** Says in words how a number compares with the constant box's. */
function againstFloor({ value, low, high, floor, higher_is_better: up }) {
  if (!known(floor)) return "No floor is known for this number.";
  const gain = up ? value - floor : floor - value;
  const [worst, best] = up ? [low - floor, high - floor] : [floor - high, floor - low];
  if (!known(low) || !known(high)) return gain > 0 ? "Better than a box that does not look at the photo, by how certain a margin is not known." : "No better than a box that does not look at the photo.";
  if (worst > 0) return `Better than a box that does not look at the photo: the interval stays clear of the floor, by ${percent(worst)} points.`;
  if (best < 0) return "Worse than a box that does not look at the photo.";
  return "The interval reaches the floor: on these photos this is not shown to be better than a box that does not look at them.";
}

function summaryTable() {
  const lines = new Map();
  summary.runs.forEach((run, place) => run.metrics.forEach(metric => {
    const key = `${metric.name} ${metric.detail} ${metric.weighted}`;
    if (!lines.has(key)) lines.set(key, { name: metric.name, what: metric.what, detail: [metric.detail, metric.weighted ? "by weight" : summary.weighted ? "each photo alike" : "", metric.higher_is_better ? "" : "less is better"].filter(Boolean).join(", "), cells: summary.runs.map(() => null) });
    lines.get(key).cells[place] = metric;
  }));
  const notes = [...new Set(summary.runs.flatMap(run => [`Floor: ${run.floor_name}.`, ...run.notes, ...run.warnings.map(warning => `Warning: ${warning}.`)]))];
  byId("summary-table").append(
    lines.size ? shares("In per cent, with 95 % intervals; the bars' whiskers are the intervals, their ticks the floors", "Metric", [...lines.values()]) : "No number could be computed.",
    html("ul", { class: "notes" }, ...notes.map(note => html("li", {}, note))));
}

/** Paired differences between two runs, and whether they may be chance. */
function comparisons() {
  byId("comparison").append(...summary.comparisons.flatMap(({ a, b, metrics, verdict }) => {
    const kinds = [null, "number wide", "number wide", "number", "number", "number", "number"];
    const head = ["Metric", runName(a), runName(b), "Difference, 95 %", "Won", "Lost", "p"].map((text, i) => html("th", { scope: "col", class: kinds[i] }, text));
    const body = metrics.map(metric => html("tr", {}, html("th", { scope: "row" }, metric.name),
      ...[percent(metric.a), percent(metric.b),
        [html("b", {}, signed(metric.difference)), html("small", {}, interval(metric.low, metric.high, signed))],
        known(metric.won) ? count(metric.won) : "–", known(metric.lost) ? count(metric.lost) : "–",
        known(metric.p) ? (metric.p < 0.0001 ? "< 0.0001" : number(metric.p, 4)) : "–"].map((cell, i) => html("td", { class: kinds[i + 1] }, cell))));
    return [html("p", { class: "verdict" }, verdict),
      table(`The same photos in both runs: ${summary.runs[b].name} less ${summary.runs[a].name}, in points`, head, body)];
  }));
}

function sizes() {
  const names = [...new Set(summary.runs.flatMap(run => run.by_size.map(size => size.name)))];
  const lines = names.map(name => {
    const cells = summary.runs.map(run => run.by_size.find(size => size.name === name));
    return { name, detail: photos(cells.find(Boolean).images), cells };
  });
  return names.length ? html("figure", { class: "broad" }, html("h3", {}, "By size of the object"), shares("GT-known accuracy in per cent", "Object", lines)) : null;
}

function stages() {
  const names = [...new Set(summary.runs.flatMap(run => run.stages.map(([name]) => name)))];
  const time = (run, name) => run.stages.find(stage => stage[0] === name)?.[1];
  const longest = Math.max(...summary.runs.flatMap(run => run.stages.map(stage => stage[1])));
  const head = [html("th", { scope: "col" }, "Stage"), ...summary.runs.map((_, k) => html("th", { scope: "col", class: "number" }, several ? runName(k) : "ms")), html("td", { class: "drawn" })];
  const line = (name, times) => html("tr", {}, html("th", { scope: "row" }, name), ...times.map(time => html("td", { class: "number" }, number(time, 1))),
    html("td", { class: "drawn" }, name === "all" ? null : strip(times.map(value => ({ value })), longest)));
  const sums = summary.runs.map(run => run.stages.reduce((sum, stage) => sum + stage[1], 0));
  return names.length ? figure("CPU time of a photo", null, table("Milliseconds of one core, the mean of all photos", head,
    [...names.map(name => line(name, summary.runs.map(run => time(run, name)))), line("all", sums)])) : null;
}

function failures() {
  const lines = summary.runs.flatMap((run, k) => run.failures.map(failure => [k, failure]));
  const head = [several ? "Run" : null, "Photo", "Kind", "Reason"].filter(Boolean).map(text => html("th", { scope: "col" }, text));
  byId("failures").append(table(`${count(lines.length)} failed; they count as wrong`, head, lines.map(([k, failure]) => html("tr", {},
    several ? html("td", {}, runName(k)) : null,
    html("th", { scope: "row" }, html("button", { type: "button", class: "link", click: () => openId(failure.id) }, failure.id), html("small", {}, breakable(failure.path))),
    html("td", {}, failure.kind), html("td", {}, failure.reason)))));
}

function made() {
  byId("made").append(...summary.runs.flatMap((run, k) => [
    several ? html("h3", {}, runName(k)) : null,
    html("p", {}, `${run.title}. Model ${run.model}, ${run.crops}; tuned on: ${run.tuned_on}. The same run again:`),
    command(run.command),
    html("details", {}, html("summary", {}, "Manifest"), tree(run.manifest)),
  ]).filter(Boolean));
}

/** Any JSON as a list of names and values. */
function tree(value) {
  if (value === null || typeof value !== "object") return html("span", {}, String(value));
  return html("dl", { class: "tree" }, ...Object.entries(value).flatMap(([name, child]) => [html("dt", {}, name), html("dd", {}, tree(child))]));
}

/** Links to the sections; the address's # is kept for the state of the page. */
function sections() {
  byId("sections").append(...[...document.querySelectorAll("main section h2")].map(heading => {
    const section = heading.parentElement;
    return html("a", { href: `#${section.id}`, click: event => { event.preventDefault(); section.scrollIntoView(); } }, heading.textContent);
  }));
}

// ---- when the rows are there ----

function charts() {
  // A photo that counts, and whose box for the true class is not known, is neither right nor wrong.
  const untold = rows.runs.some(run => rows.counted.some((counted, place) => counted && Number.isNaN(run.iou[place])));
  const scored = rows.runs.some(run => run.iou.some(iou => !Number.isNaN(iou)));
  byId("charts").append(html("div", { class: "figures" }, ...[
    scored && !untold ? accuracyCurve() : html("p", {}, scored ? "Some photos have no box for their true class: accuracy cannot be told." :
      rows.truth.some(boxes => boxes.length) ? "No box was found in any photo." : "No true boxes are known, so no box can be right or wrong."),
    scored ? histogram() : null,
    stages(),
    causes(),
    sizes(),
  ].filter(Boolean)));
}

function causes() {
  const matrices = rows.runs.map((run, k) => run.cause.some(cause => cause >= 0) ? causeMatrix(k) : null).filter(Boolean);
  const meanings = html("dl", { class: "meanings" }, ...summary.causes.flatMap(([name, meaning]) => [html("dt", {}, name), html("dd", {}, meaning)]));
  return matrices.length ? html("figure", { class: "broad" }, html("h3", {}, "What became of the boxes"), ...matrices,
    html("figcaption", {}, "A number lists its photos.", meanings)) : null;
}

const compares = choice => ["won", "lost"].includes(choice.name);

function galleries() {
  const here = summary.choices.filter(choice => choice.photos.length);
  const [compared, others] = [here.filter(compares), here.filter(choice => !compares(choice))];
  if (compared.length) byId("comparison").append(...gallery(compared));
  if (others.length) byId("gallery").append(...gallery(others));
}

function classes() {
  const indices = [...new Set(summary.runs.flatMap(run => run.by_class.map(line => line.class)))];
  const lines = summary.runs.map(run => new Map(run.by_class.map(line => [line.class, line])));
  const of = (k, row) => lines[k].get(indices[row]);
  const table = new LongTable("Classes", [
    { name: "class", title: "Class", kind: "text", value: row => classTitle(indices[row]), cell: row => classTitle(indices[row]) },
    { name: "photos", title: "Photos", kind: "number", value: row => of(0, row)?.images, cell: row => count(of(0, row)?.images ?? 0) },
    ...summary.runs.map((run, k) => ({ name: `accuracy-${k}`, title: several ? runName(k) : "Right, %", kind: "number", value: row => of(k, row)?.value, cell: row => percent(of(k, row)?.value) })),
    ...several ? [] : [
      { name: "interval", title: "95 %", kind: "number wide", value: row => of(0, row)?.low, cell: row => interval(of(0, row)?.low, of(0, row)?.high) },
      { name: "iou", title: "Mean IoU", kind: "number", value: row => of(0, row)?.mean_iou, cell: row => number(of(0, row)?.mean_iou, 3) },
    ],
    { name: "floor", title: "Floor, %", kind: "number wide", value: row => of(0, row)?.floor, cell: row => percent(of(0, row)?.floor) },
  ], indices.length, row => choose({ class: String(indices[row]) }), show);
  const search = byId("class-search");
  function show() {
    const text = search.value.trim().toLowerCase();
    table.show(row => (summary.classes[indices[row]] ?? []).join(" ").toLowerCase().includes(text));
    byId("classes-shown").textContent = `${count(table.rows.length)} of ${count(indices.length)} classes`;
  }
  search.oninput = show;
  byId("class-table").append(table.frame);
  show();
}

// ---- the list of photos: the form is its state, and the address keeps it ----

const form = byId("filters");
let list = null;

function prepareList() {
  const used = new Set(rows.class);
  const titles = Object.keys(summary.classes).filter(index => used.has(Number(index))).sort((a, b) => classTitle(a).localeCompare(classTitle(b)));
  const choices = {
    run: several ? summary.runs.map((run, k) => [k || "", run.name]) : [],
    class: [["", "all"], ...titles.map(index => [index, classTitle(index)])],
    cause: [["", "all"], ...summary.causes.map(([name], k) => [k, name])],
    guess: [["", "all"], ...GUESSES.map((name, k) => [k, name])],
    right: [["", "all"], ["right", "box right"], ["wrong", "box wrong"], ...several ? [["won", "right only here"], ["lost", "wrong only here"]] : []],
    size: summary.sizes.length ? [["", "all"], ...summary.sizes.map((name, k) => [k, name])] : [],
    counted: rows.counted.includes(0) ? [["", "all"], ["1", "counted"], ["0", "left out"]] : [],
  };
  for (const [name, options] of Object.entries(choices)) {
    form.elements[name].append(...options.map(([value, text]) => html("option", { value }, text)));
    form.elements[name].closest("label").hidden = options.length < 2;
  }
  const run = () => rows.runs[Number(form.elements.run.value)];
  list = new LongTable("Photos", [
    { name: "id", title: "Photo", kind: "id", value: place => rows.id[place], cell: place => breakable(rows.id[place]) },
    { name: "class", title: "Class", kind: "text", value: place => rows.class[place] < 0 ? null : classTitle(rows.class[place]), cell: place => classTitle(rows.class[place]) },
    { name: "iou", title: "IoU", kind: "number", value: place => run().iou[place], cell: place => number(run().iou[place], 3) },
    { name: "cause", title: "Box", kind: "short", value: place => run().cause[place] < 0 ? null : run().cause[place], cell: place => causeTitle(run().cause[place]) },
    { name: "size", title: "Object", kind: "text wide", value: place => rows.group[place] < 0 ? null : rows.group[place], cell: place => groupTitle(rows.group[place]) },
    { name: "guess", title: "First guess", kind: "text wide", value: place => run().guess[place] < 0 ? null : classTitle(run().guess[place]), cell: place => classTitle(run().guess[place]) },
    { name: "probability", title: "P(class), %", kind: "number wide", value: place => run().probability[place], cell: place => percent(run().probability[place]) },
  ], rows.count, place => viewer.open(place, list.rows, Number(form.elements.run.value)), refresh);
  byId("photo-table").append(list.frame);
  form.oninput = refresh;
  form.onsubmit = event => event.preventDefault();
  form.onreset = () => setTimeout(refresh);
  form.elements.run.addEventListener("input", () => list.orders.clear());
  byId("copy-ids").onclick = event => copy(event.target, ids());
  byId("save-ids").onclick = () => html("a", { download: "ids.txt", href: `data:text/plain,${encodeURIComponent(ids())}` }).click();
}

const ids = () => list.rows.map(place => `${rows.id[place]}\n`).join("");

/** The condition that the form asks for, as a function of a row's place. */
function asked() {
  const value = name => form.elements[name].value;
  const choice = name => value(name) === "" ? null : Number(value(name));
  const [text, right] = [value("q").trim().toLowerCase(), value("right")];
  const [index, cause, guess, size, counted] = ["class", "cause", "guess", "size", "counted"].map(choice);
  const [low, high] = [choice("low"), choice("high")];
  const run = rows.runs[choice("run") ?? 0];
  const others = rows.runs.filter(other => other !== run);
  const named = new Set(Object.keys(summary.classes).filter(key => summary.classes[key].join(" ").toLowerCase().includes(text)).map(Number));
  const results = {
    right: place => run.right[place] & 1,
    wrong: place => !(run.right[place] & 1) && (known(run.iou[place]) || run.cause[place] >= 0),
    won: place => run.right[place] & 1 && others.every(other => !(other.right[place] & 1)),
    lost: place => !(run.right[place] & 1) && others.every(other => other.right[place] & 1),
  };
  const result = results[right];
  return place => (text === "" || rows.search[place].includes(text) || named.has(rows.class[place]))
    && (index === null || rows.class[place] === index)
    && (cause === null || run.cause[place] === cause)
    && (guess === null || guessed(run, place) === guess)
    && (size === null || rows.group[place] === size)
    && (counted === null || rows.counted[place] === counted)
    && (low === null || run.iou[place] >= low)
    && (high === null || run.iou[place] < high)
    && (result === undefined || result(place));
}

/** Shows what the form asks for, and writes it into the address. */
function refresh() {
  list.show(asked());
  byId("shown").textContent = `${count(list.rows.length)} of ${photos(rows.count)}`;
  remember();
}

/** Lists the photos of a bar, a number or a class: these filters, and no others but the run's. */
function choose(filters) {
  const run = form.elements.run.value;
  form.reset();
  for (const [name, value] of Object.entries({ run, ...filters })) form.elements[name].value = value;
  list.orders.clear();
  refresh();
  byId("photos").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function openId(id) {
  const place = rows.id.indexOf(id);
  if (place >= 0) viewer.open(place, list.rows.includes(place) ? list.rows : [place], Number(form.elements.run.value));
}

/** Writes filters, order and the open photo into the address. */
function remember() {
  const state = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  if (list.sorting) state.set("sort", (list.down ? "-" : "") + list.sorting);
  if (viewer.place !== null) state.set("photo", rows.id[viewer.place]);
  history.replaceState(null, "", `#${state}`);
}

/** Does what the address says. */
function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const element of form.elements) if (element.name) element.value = state.get(element.name) ?? "";
  const sort = state.get("sort") ?? "";
  list.orders.clear();
  list.sort(sort.replace(/^-/, ""), sort.startsWith("-"));
  refresh();
  if (state.has("photo")) openId(state.get("photo"));
  else viewer.dialog.close();
}

/** What this report has nothing to say about. */
function leaveOut() {
  const empty = {
    comparison: !summary.comparisons.length,
    gallery: summary.choices.every(choice => !choice.photos.length || compares(choice)),
    classes: summary.runs.every(run => !run.by_class.length),
    failures: summary.runs.every(run => !run.failures.length),
  };
  for (const id of Object.keys(empty)) if (empty[id]) byId(id).remove();
  return name => !empty[name];
}

header();
result();
summaryTable();
const has = leaveOut();
if (has("comparison")) comparisons();
if (has("failures")) failures();
made();
sections();

// The browser paints the above before the rows are read.
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => {
  rows = columns(take("rows"));
  pictures = take("pictures");
  viewer.prepare();
  charts();
  prepareList();
  if (has("classes")) classes();
  recall();
  galleries();
  addEventListener("hashchange", recall);
  document.documentElement.dataset.ready = "";
})));
