// The table of rows: search, filters, sorting, pages, ids to copy.

const PAGE = 50;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// `7`, `0:10,151643:` and the like -> a test of ids; null for what is no list of ids.
function idsIn(query) {
  if (!/^[\d\s,:]+$/.test(query) || !/\d/.test(query)) return null;
  const parts = query.split(/[\s,]+/).filter(Boolean).map((part) => {
    const [from, to] = part.split(":");
    if (to === undefined) return [Number(from), Number(from) + 1];
    return [Number(from || 0), to === "" ? Infinity : Number(to)];
  });
  return (id) => parts.some(([from, to]) => id >= from && id < to);
}

class RowsTable {
  constructor(views, words) {
    this.views = views;
    this.words = words;
    this.view = views[0];
    this.region = null;
    this.sorted = null;
    this.page = 0;
    this.listeners = [];
    this.at = (name) => document.getElementById(`rows-${name}`);
    this.fill("view", views.map((view, at) => [at, view.name]));
    this.fill("show", [[3, words.suspects_and_specials], [1, words.suspects], [2, words.specials], [0, words.all]]);
    this.at("view").closest("label").hidden = views.length < 2;
    const changed = () => { this.page = 0; this.update(); };
    this.at("view").addEventListener("change", () => this.choose(this.views[this.at("view").value]));
    for (const name of ["show", "by", "group"]) this.at(name).addEventListener("change", changed);
    this.at("search").addEventListener("input", () => { this.widen(this.at("search").value); changed(); });
    this.at("before").addEventListener("click", () => this.turn(-1));
    this.at("after").addEventListener("click", () => this.turn(1));
    this.at("copy").addEventListener("click", () => this.copy());
    this.at("clear").addEventListener("click", () => this.clear());
    this.at("region").addEventListener("submit", (event) => { event.preventDefault(); this.byNumbers(); });
    this.choose(this.view);
  }

  fill(name, options) {
    this.at(name).replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text })));
  }

  choose(view) {
    this.view = view;
    const any = [["", this.words.any]];
    for (const [name, key] of [["by", view.by], ["group", view.groups]]) {
      const column = view.column(key);
      this.at(name).closest("label").hidden = !column;
      if (!column) continue;
      const counts = new Array(column.names.length).fill(0);
      for (const value of column.values) counts[value]++;
      const known = column.names.map((text, at) => [at, `${text} (${counts[at].toLocaleString("en")})`]);
      this.fill(name, any.concat(known.filter(([at]) => counts[at])));
    }
    this.at("show").value = String(view.start);
    this.at("region").closest("details").hidden = !view.picture;
    this.region = null;
    this.sorted = null;
    this.page = 0;
    this.head();
    this.update();
    for (const listener of this.listeners) listener(view);
  }

  // Who searches or selects means all rows, not only the listed ones.
  widen(meant) {
    const start = String(this.view.start);
    if (meant && this.at("show").value === start) this.at("show").value = "0";
    if (!meant && !this.region && this.at("show").value === "0") this.at("show").value = start;
  }

  select(region) {
    this.region = region;
    this.page = 0;
    this.widen(region || this.at("search").value);
    this.update();
  }

  byNumbers() {
    const { x, y } = this.view.picture;
    const read = (name, key, otherwise) => {
      const value = this.at(name).value;
      return value === "" ? otherwise : shareAt(this.view.column(key).axis, Number(value));
    };
    const region = { x: [read("x-from", x, -1), read("x-to", x, 2)], y: [read("y-from", y, -1), read("y-to", y, 2)] };
    this.select(region);
    if (this.onRegion) this.onRegion(region);
  }

  clear() {
    for (const name of ["search", "x-from", "x-to", "y-from", "y-to"]) this.at(name).value = "";
    for (const name of ["by", "group"]) this.at(name).value = "";
    this.at("show").value = String(this.view.start);
    this.sorted = null;
    this.at("ids").hidden = true;
    this.region = null;
    this.page = 0;
    this.head();
    this.update();
    if (this.onRegion) this.onRegion(null);
  }

  turn(by) {
    this.page += by;
    this.update();
  }

  test() {
    const { view } = this;
    const query = this.at("search").value.trim();
    const ids = idsIn(query);
    const only = ids && /[:,\s]/.test(query);
    const copies = /^=\s*(\d+)$/.exec(query);
    const needle = query.toLowerCase();
    const id = view.column("id");
    const texts = view.columns.filter((column) => column.kind === "text" || column.kind === "sparse");
    const show = Number(this.at("show").value);
    const tests = [];
    if (show) tests.push((row) => view.listed[row] & show);
    for (const [name, key] of [["by", view.by], ["group", view.groups]]) {
      const value = this.at(name).value;
      if (value !== "") tests.push((row) => view.column(key).values[row] === Number(value));
    }
    if (this.region) {
      const { x, y } = this.region;
      const [xs, ys] = [view.column(view.picture.x).values, view.column(view.picture.y).values];
      tests.push((row) => xs[row] >= x[0] && xs[row] <= x[1] && ys[row] >= y[0] && ys[row] <= y[1]);
    }
    if (copies && view.column("same")) {
      const [same, head] = [view.column("same").values, id.find(Number(copies[1]))];
      tests.push((row) => row === head || (same[row] && same[row] === same[head]));
    } else if (query) {
      const found = (row) => texts.some((column) => column.words(row).toLowerCase().includes(needle));
      tests.push((row) => (ids && ids(id.sort(row))) || (!only && found(row)));
    }
    return (row) => tests.every((passes) => passes(row));
  }

  found() {
    const { view } = this;
    const passes = this.test();
    const rows = [];
    if (this.sorted) {
      for (let row = 0; row < view.rows; row++) if (passes(row)) rows.push(row);
      const { sort } = view.column(this.sorted.key);
      const way = this.sorted.way;
      rows.sort((one, other) => {
        const [a, b] = [sort(one), sort(other)];
        return (a < b ? -way : a > b ? way : 0) || one - other;
      });
      return rows;
    }
    for (const row of view.order) if (passes(row)) rows.push(row);
    for (let row = 0; row < view.rows; row++) if (!view.listed[row] && passes(row)) rows.push(row);
    return rows;
  }

  head() {
    const cells = this.view.columns.filter((column) => !column.hidden).map((column) => {
      const button = element("button", { type: "button", textContent: column.label });
      const cell = element("th", { scope: "col" }, button);
      if (column.right) cell.className = "number";
      button.addEventListener("click", () => this.sortBy(column.key));
      cell.dataset.key = column.key;
      return cell;
    });
    this.at("head").replaceChildren(element("tr", {}, ...cells));
  }

  sortBy(key) {
    const way = this.sorted && this.sorted.key === key ? -this.sorted.way : 1;
    this.sorted = { key, way };
    for (const cell of this.at("head").querySelectorAll("th")) {
      if (cell.dataset.key === key) cell.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
    this.page = 0;
    this.update();
  }

  update() {
    this.rows = this.found();
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const shown = this.rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.at("body").replaceChildren(...shown.map((row) => this.line(row)));
    const say = (number) => number.toLocaleString("en");
    const status = this.words.count.replace("{shown}", say(this.rows.length)).replace("{all}", say(this.view.rows));
    this.at("status").textContent = this.region ? `${status} ${this.words.in_region}` : status;
    this.at("page").textContent = `${say(this.page + 1)} / ${say(pages)}`;
    this.at("before").disabled = this.page === 0;
    this.at("after").disabled = this.page === pages - 1;
    this.at("copy").disabled = !this.rows.length;
  }

  line(row) {
    const cells = this.view.columns.filter((column) => !column.hidden).map((column) => {
      const cell = element("td", { textContent: column.words(row) });
      if (column.right) cell.className = "number";
      if (column.kind === "text") {
        cell.className = "token";
        cell.title = column.words(row);
      }
      if (column.styles) cell.prepend(element("span", { className: `mark ${column.styles[column.values[row]]}` }));
      return cell;
    });
    return element("tr", {}, ...cells);
  }

  async copy() {
    const id = this.view.column("id");
    const text = `[${this.rows.map((row) => id.sort(row)).join(", ")}]`;
    const area = this.at("ids");
    area.value = text;
    area.hidden = false;
    const said = this.words.copied.replace("{count}", this.rows.length.toLocaleString("en"));
    try {
      await navigator.clipboard.writeText(text);
      this.at("status").textContent = said;
    } catch {
      area.focus();
      area.select();
      this.at("status").textContent = document.execCommand("copy") ? said : this.words.copy_by_hand;
    }
  }
}
