/**
 * A table of any length, of which only the rows in sight are in the document.
 *
 * Rows are numbers from 0. A column is { name, title, cell(row): text or node, value(row): what to sort by, kind: its CSS class }.
 * The first column's cell is a button; it and the rest of the row do `open(row)`.
 */
class LongTable {
  constructor(caption, columns, length, open, sorted = () => {}) {
    Object.assign(this, { columns, length, sorted, sorting: null, down: false, orders: new Map(), rows: [] });
    this.heads = columns.map(column => html("th", { scope: "col", class: column.kind, "data-column": column.name, "aria-sort": "none" },
      html("button", { type: "button", click: () => this.turn(column.name) }, column.title)));
    this.body = html("tbody", { click: event => this.rowOf(event.target, row => open(row)), keydown: event => this.move(event) });
    this.table = html("table", {}, html("caption", { class: "unseen" }, caption), html("thead", {}, html("tr", {}, ...this.heads)), this.body);
    this.frame = html("div", { class: "long", tabindex: "0", role: "region", "aria-label": caption, scroll: () => this.draw() }, this.table);
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  /** A click on a heading sorts upwards, then downwards, then no more. */
  turn(name) {
    if (this.sorting !== name) this.sort(name, false);
    else if (!this.down) this.sort(name, true);
    else this.sort(null, false);
    this.sorted();
  }

  sort(name, down) {
    this.sorting = this.columns.some(column => column.name === name) ? name : null;
    this.down = down;
    this.columns.forEach((column, i) => this.heads[i].setAttribute("aria-sort", column.name !== this.sorting ? "none" : down ? "descending" : "ascending"));
  }

  /** All rows in the order asked for, made once for each; rows whose value is unknown come last. */
  order() {
    const key = `${this.sorting} ${this.down}`;
    if (!this.orders.has(key)) {
      const all = Array.from({ length: this.length }, (_, row) => row);
      if (this.sorting !== null) {
        const values = all.map(this.columns.find(column => column.name === this.sorting).value);
        const sign = this.down ? -1 : 1;
        all.sort((a, b) => {
          if (known(values[a]) !== known(values[b])) return known(values[a]) ? -1 : 1;
          return values[a] < values[b] ? -sign : values[a] > values[b] ? sign : a - b;
        });
      }
      this.orders.set(key, all);
    }
    return this.orders.get(key);
  }

  /** Shows the rows that `keep` holds for. */
  show(keep) {
    this.rows = this.order().filter(keep);
    this.frame.scrollTop = 0;
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.draw();
  }

  draw() {
    const height = parseFloat(getComputedStyle(this.frame).getPropertyValue("--row"));
    const first = Math.max(0, Math.floor(this.frame.scrollTop / height) - 6);
    const last = Math.min(this.rows.length, first + Math.ceil(this.frame.clientHeight / height) + 12);
    const shown = this.heads.filter(head => head.offsetWidth).length;
    const space = rows => html("tr", { "aria-hidden": "true" }, html("td", { class: "space", colspan: shown, style: `height: ${rows * height}px` }));
    const focused = this.rowOf(document.activeElement, (_, place) => place);
    this.body.replaceChildren(space(first), ...this.rows.slice(first, last).map((row, i) => this.line(row, first + i)), space(this.rows.length - last));
    if (focused !== undefined) this.focus(focused);
  }

  line(row, place) {
    const [head, ...cells] = this.columns;
    return html("tr", { class: "row", "aria-rowindex": place + 2 },
      html("th", { scope: "row", class: head.kind }, html("button", { type: "button", class: "clip" }, head.cell(row))),
      ...cells.map(column => html("td", { class: column.kind }, html("span", { class: "clip" }, column.cell(row)))));
  }

  /** Calls `then` with the row, and its place in the table, that an element of the table's body belongs to. */
  rowOf(element, then) {
    const line = this.body.contains(element) ? element.closest(".row") : null;
    if (line === null) return undefined;
    const place = Number(line.getAttribute("aria-rowindex")) - 2;
    return then(this.rows[place], place);
  }

  focus(place) {
    const line = this.body.querySelector(`[aria-rowindex="${place + 2}"] button`) ?? this.frame;
    line.focus({ preventScroll: true });
  }

  /** Arrow keys go from row to row. */
  move(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.rowOf(event.target, (_, place) => {
      const next = this.body.querySelector(`[aria-rowindex="${place + by + 2}"] button`);
      next?.focus({ preventScroll: true });
      next?.scrollIntoView({ block: "nearest" });
    });
  }
}
