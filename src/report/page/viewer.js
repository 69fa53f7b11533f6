// A photo with its layers: small in a gallery, large in the viewer.

const LAYERS = [["photo", "Photo"], ["saliency", "Saliency"], ["seeds", "Seeds"], ["cut", "Foreground"],
  ["component", "Component"], ["box", "Box found"], ["truth", "True box"]];

/** A photo with the layers named, each stretched over its rectangle; the saliency, seeds, cut and component are those of one run. */
function frame(place, run, layers) {
  const [width, height] = [rows.width[place] ?? 4, rows.height[place] ?? 3];
  const picture = pictures[place];
  const drawn = picture?.runs?.[run] ?? {};
  const element = html("span", { class: "frame", style: `--ratio: ${width / height}` });
  const absent = () => element.classList.add("absent");
  const image = (layer, src, alt) => html("img", { class: layer, src, alt, decoding: "async", error: layer === "photo" ? absent : null });
  for (const layer of layers) {
    if (layer === "photo") {
      const source = picture?.photo ?? (rows.file[place] === null ? null : address(rows.root + rows.file[place]));
      if (source) element.append(image(layer, source, `${rows.id[place]}, ${classTitle(rows.class[place])}`));
      else absent();
    } else if (drawn[layer]) {
      element.append(image(layer, drawn[layer], ""));
    }
  }
  if (rows.width[place] !== null) {
    const truth = layers.includes("truth") ? outlines(rows.truth[place], "truth") : [];
    const found = layers.includes("box") ? rows.runs.flatMap((run, k) => outlines(run.box[place] ?? [], `found run-${k}`)) : [];
    element.append(svg("svg", { class: "boxes", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...withHalo([...found, ...truth])));
  }
  return element;
}

/** A path on this machine as an address. In the text of a path, \xHH is a byte (src/path_text.rs). */
const address = path => path.split("/").map(encodeURIComponent).join("/").replaceAll(/%5Cx([0-9A-F]{2})/g, "%$1");

/** Boxes, one after another in `corners`. */
function outlines(corners, kind) {
  const boxes = [];
  for (let i = 0; i < corners.length; i += 4) {
    const [x, y, right, bottom] = corners.slice(i, i + 4);
    boxes.push(svg("rect", { class: kind, x, y, width: right - x, height: bottom - y }));
  }
  return boxes;
}

/** Boxes on darker, wider ones. These come first: of two boxes that coincide, the line and the dashes are both seen. */
function withHalo(boxes) {
  const halos = boxes.map(box => box.cloneNode());
  halos.forEach(halo => halo.setAttribute("class", "halo"));
  return [...halos, ...boxes];
}

/** A small photo with its boxes and a line of text; a click opens it among the photos of `list`. */
function thumbnail(place, list) {
  const boxed = rows.runs.map((run, k) => run.cause[place] < 0 ? null : html("span", { class: several ? `run-${k}` : null },
    several ? html("i", { class: "swatch" }) : null, known(run.iou[place]) ? `${number(run.iou[place], 3)} ` : "", causeTitle(run.cause[place])));
  return html("button", { type: "button", class: "thumbnail", click: () => viewer.open(place, list) },
    html("span", { class: "plate" }, frame(place, 0, ["photo", "box", "truth"])),
    html("span", { class: "caption" }, html("b", {}, rows.class[place] < 0 ? breakable(rows.id[place]) : classTitle(rows.class[place])), ...boxed));
}

/** Several lists of photos, of which one is shown. */
function gallery(choices) {
  const grid = html("div", { class: "thumbnails" });
  const show = choice => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", choices[i] === choice));
    grid.replaceChildren(...choice.photos.map(place => thumbnail(place, choice.photos)));
  };
  const buttons = choices.map(choice => html("button", { type: "button", click: () => show(choice) }, choice.title, " ", html("small", {}, choice.photos.length)));
  show(choices[0]);
  return [html("div", { class: "tabs", role: "group", "aria-label": "Which photos" }, ...buttons), legend(), grid];
}

/** What the lines on the photos mean, and the colours of the layers named. */
function legend(layers = []) {
  const sample = kind => svg("svg", { class: "sample", viewBox: "0 0 26 16", "aria-hidden": "true" }, ...withHalo([svg("line", { class: kind, x1: 0, x2: 26, y1: 8, y2: 8 })]));
  const colour = kind => html("i", { class: `sample ${kind}` });
  return html("span", { class: "legend" },
    ...summary.runs.map((run, k) => html("span", {}, sample(`found run-${k}`), several ? run.name : "box found")),
    html("span", {}, sample("truth"), "true box"),
    layers.includes("saliency") ? html("span", {}, "0", colour("heat"), "99.5 % quantile of the saliency") : null,
    ...layers.includes("seeds") ? [html("span", {}, colour("foreground"), "foreground seeds"), html("span", {}, colour("background"), "background seeds")] : []);
}

const viewer = {
  dialog: byId("viewer"),
  list: [],
  place: null,
  run: 0,
  layers: new Set(["photo", "box", "truth"]),
  steps: false,

  /** Makes the controls that stay the same for every photo. */
  prepare() {
    this.buttons = LAYERS.map(([layer, title], i) => html("button", { type: "button", "aria-keyshortcuts": i + 1, click: () => this.toggle(layer) }, title, " ", html("kbd", {}, i + 1)));
    byId("layers").append(...this.buttons);
    byId("previous").onclick = () => this.go(-1);
    byId("next").onclick = () => this.go(1);
    byId("close").onclick = () => this.dialog.close();
    byId("steps").onclick = () => { this.steps = !this.steps; this.draw(); };
    byId("opacity").oninput = event => this.dialog.style.setProperty("--saliency", event.target.value / 100);
    byId("viewer-run").hidden = !several;
    byId("drawn-run").append(...summary.runs.map((run, k) => html("option", { value: k }, run.name)));
    byId("drawn-run").onchange = event => { this.run = Number(event.target.value); this.draw(); };
    this.dialog.onkeydown = event => this.key(event);
    this.dialog.onclick = event => { if (event.target === this.dialog) this.dialog.close(); };
    this.dialog.onclose = () => this.closed();
  },

  /** Opens a photo; previous and next are those in `list`. */
  open(place, list, run = this.run) {
    this.opener = document.activeElement;
    Object.assign(this, { place, list, run });
    this.position = list.indexOf(place);
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
    remember();
  },

  closed() {
    this.place = null;
    remember();
    (this.opener?.isConnected ? this.opener : byId("photos").querySelector("input")).focus();
  },

  go(by) {
    const next = this.position + by;
    if (next < 0 || next >= this.list.length) return;
    this.position = next;
    this.place = this.list[next];
    this.draw();
    remember();
  },

  toggle(layer) {
    if (!this.layers.delete(layer)) this.layers.add(layer);
    this.draw();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = !event.target.matches("select, [type=range]");
    if (event.key === "ArrowLeft" && arrows) this.go(-1);
    else if (event.key === "ArrowRight" && arrows) this.go(1);
    else if (event.key === "s") byId("steps").click();
    else if (LAYERS[event.key - 1]) this.toggle(LAYERS[event.key - 1][0]);
    else return;
    event.preventDefault();
  },

  draw() {
    const { place, run } = this;
    byId("viewer-title").replaceChildren(...breakable(rows.id[place]));
    byId("viewer-position").textContent = `${count(this.position + 1)} of ${count(this.list.length)}`;
    byId("previous").disabled = this.position <= 0;
    byId("next").disabled = this.position + 1 >= this.list.length;
    byId("steps").setAttribute("aria-pressed", this.steps);
    byId("drawn-run").value = run;
    const drawn = pictures[place]?.runs?.[run] ?? {};
    LAYERS.forEach(([layer], i) => {
      this.buttons[i].setAttribute("aria-pressed", this.layers.has(layer));
      this.buttons[i].classList.toggle("missing", ["saliency", "seeds", "cut", "component"].includes(layer) && !drawn[layer]);
    });
    byId("stage").className = this.steps ? "steps" : "";
    byId("stage").replaceChildren(...this.steps ? this.everyStep() : [frame(place, run, this.chosen())]);
    byId("legend").replaceChildren(legend((this.steps ? ["saliency", "seeds"] : this.chosen()).filter(layer => drawn[layer])));
    byId("facts").replaceChildren(...facts(place, run));
  },

  chosen() {
    return LAYERS.map(([layer]) => layer).filter(layer => this.layers.has(layer));
  },

  /** The pipeline from the photo to the box, a tile a step. */
  everyStep() {
    const { place, run } = this;
    const drawn = pictures[place]?.runs?.[run] ?? {};
    return LAYERS.slice(0, 6).map(([layer, title]) => {
      const dark = layer === "seeds" || !["photo", "box"].includes(layer) && !drawn[layer];
      return html("figure", { class: dark ? "dark" : null }, html("figcaption", {}, stepCaption(layer, title, place, drawn)),
        frame(place, run, layer === "box" ? ["photo", "box", "truth"] : ["photo", layer]));
    });
  },
};

/** What a step is, whether it has a result, and what became of the boxes. */
function stepCaption(layer, title, place, drawn) {
  if (layer === "photo") return title;
  if (layer === "box") {
    const iou = run => known(run.iou[place]) ? `IoU ${number(run.iou[place], 3)}` : run.box[place] ? "" : "none";
    return several ? rows.runs.map((run, k) => `${summary.runs[k].name}: ${iou(run) || "found"}`).join(", ") : [title, iou(rows.runs[0])].filter(Boolean).join(", ");
  }
  if (drawn[layer]) return title;
  return `${title}: ${layer === "saliency" && rows.runs[viewer.run].flag[place] === "constant_map" ? "constant" : "none"}`;
}

/** All that is known of a photo. */
function facts(place, run) {
  const truth = rows.truth[place];
  const shared = [
    ["Class", rows.class[place] < 0 ? "–" : [classTitle(rows.class[place]), " ", html("small", {}, summary.classes[rows.class[place]]?.[0])]],
    ["Photo", rows.width[place] === null ? "size unknown" : `${rows.width[place]} × ${rows.height[place]} pixels`],
    ["Object", `${truth.length / 4 === 1 ? "one true box" : `${truth.length / 4} true boxes`}${rows.group[place] < 0 ? "" : `, ${groupTitle(rows.group[place])}`}`],
    ["Scored", rows.counted[place] ? null : "no: left out of localisation"],
    ["File", rows.file[place] === null ? null : html("code", {}, breakable(rows.root + rows.file[place]))],
  ];
  const line = (name, cell) => {
    const cells = rows.runs.map((data, k) => cell(data, k) ?? "");
    return cells.some(text => text !== "") ? html("tr", {}, html("th", { scope: "row" }, name), ...cells.map(text => html("td", {}, text))) : null;
  };
  const body = [
    line("IoU", data => number(data.iou[place], 3)),
    line("Box", data => causeTitle(data.cause[place])),
    line("Saliency", (data, k) => data.flag[place] === "constant_map" ? "constant map" : summary.runs[k].saliency),
    line("Pixels", data => data.box[place]?.map(value => Math.round(value)).join(", ")),
    line("First guess", data => data.guess[place] < 0 ? "" : classTitle(data.guess[place])),
    line("Rank of the class", data => data.rank[place] < 0 ? "" : String(data.rank[place] + 1)),
    line("Its probability", data => Number.isNaN(data.probability[place]) ? "" : `${percent(data.probability[place])} %`),
    line("Flag", data => data.flag[place]?.replaceAll("_", " ")),
    line("Failure", data => data.message[place]),
  ].filter(Boolean);
  const head = [html("td", {}), ...summary.runs.map((_, k) => html("th", { scope: "col" }, several ? runName(k) : "Found"))];
  const guesses = pictures[place]?.runs?.[run]?.classes ?? [];
  const show = summary.runs[run].show;
  return [
    html("dl", {}, ...shared.flatMap(([name, text]) => text === null ? [] : [html("dt", {}, name), html("dd", {}, ...[text].flat())])),
    table("What was found", head, body),
    guesses.length ? table(`Most probable classes${several ? ` by ${summary.runs[run].name}` : ""}`, [html("th", { scope: "col" }, "Class"), html("th", { scope: "col", class: "number" }, "Per cent")],
      guesses.map(([index, probability]) => html("tr", { class: index === rows.class[place] ? "true" : null },
        html("th", { scope: "row" }, classTitle(index), index === rows.class[place] ? html("small", {}, "the true class") : null), html("td", { class: "number" }, percent(probability))))) : null,
    show ? command(`${show} -- ${quoted(rows.id[place])}`) : null,
  ].filter(Boolean);
}
