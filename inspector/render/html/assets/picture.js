// The cloud of all rows: uPlot has the axes, the cursor and the selection; the points are drawn here.

const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

class Picture {
  constructor(table, words) {
    this.table = table;
    this.words = words;
    this.box = document.getElementById("plot");
    this.tip = element("div", { className: "tip", hidden: true });
    this.off = new Set();
    table.listeners.push(() => this.draw());
    table.onRegion = (region) => this.mark(region);
    const act = (name, what) => document.getElementById(`plot-${name}`).addEventListener("click", what);
    act("zoom", () => this.zoom(this.table.region));
    act("whole", () => { this.zoom(null); this.table.select(null); this.mark(null); });
    new ResizeObserver(() => this.fit()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.draw();
  }

  size() {
    return { width: Math.max(this.box.clientWidth, 240), height: this.box.clientWidth < 500 ? 300 : 400 };
  }

  fit() {
    if (this.plot && this.plot.width !== this.size().width) this.plot.setSize(this.size());
  }

  draw() {
    if (this.plot) this.plot.destroy();
    this.plot = null;
    const { view } = this.table;
    const section = document.getElementById("plot-live");
    section.hidden = !view.picture;
    if (!view.picture) return;
    [this.x, this.y, this.by] = [view.picture.x, view.picture.y, view.by].map((key) => view.column(key));
    this.legend();
    const axis = (column) => ({
      label: column.label, stroke: paint("ink"), grid: { stroke: paint("line"), width: 1 }, ticks: { stroke: paint("line") },
      font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
      // The scale runs over shares, whatever the column's own: ticks stand at round values.
      splits: (plot, at, low, high) => this.splits(column, low, high),
      values: (plot, shares) => shares.map((share) => wordsOfReal(this.round(column, share), "", true)),
    });
    this.plot = new uPlot({
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: true, setScale: false }, points: { show: false }, x: false, y: false },
      scales: { x: { time: false, auto: false, range: (plot, low, high) => [low, high] },
        y: { auto: false, range: (plot, low, high) => [low, high] } },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [{ ...axis(this.x), size: 34, labelSize: 20 }, { ...axis(this.y), size: 58, labelSize: 20 }],
      hooks: { draw: [() => this.points()], setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.pointed(plot)] },
    }, [[0, 1], [0, 1]], this.box);
    this.zoom(null);
    this.plot.over.append(this.tip);
  }

  round(column, share) {
    return Number(valueAt(column.axis, share).toPrecision(4));
  }

  splits(column, low, high) {
    const axis = column.axis;
    const [from, to] = [valueAt(axis, low), valueAt(axis, high)];
    const found = [];
    if (axis.log && to / from > 20) {
      for (let power = Math.ceil(Math.log10(from)); power <= Math.log10(to); power++) found.push(Math.pow(10, power));
    } else {
      const rough = (to - from) / 6;
      const power = Math.pow(10, Math.floor(Math.log10(rough)));
      const step = power * [1, 2, 2.5, 5, 10].find((times) => power * times >= rough * 0.999);
      for (let at = Math.ceil(from / step - 1e-9); at * step <= to + step * 1e-9; at++) found.push(at * step);
    }
    return found.map((value) => shareAt(axis, value));
  }

  // Points in device pixels, one class after the other, the common class first.
  points() {
    const { ctx, bbox, scales } = this.plot;
    const dot = Math.max(2, Math.round(devicePixelRatio * 2));
    const [kx, ky] = [bbox.width / (scales.x.max - scales.x.min), bbox.height / (scales.y.max - scales.y.min)];
    const [xs, ys, codes] = [this.x.values, this.y.values, this.by.values];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    this.by.styles.forEach((style, code) => {
      if (this.off.has(code)) return;
      ctx.fillStyle = paint(style);
      ctx.globalAlpha = code === 0 ? 0.45 : 0.9;
      const side = code === 0 ? dot : dot + 1;
      for (let row = 0; row < codes.length; row++) {
        if (codes[row] !== code || xs[row] !== xs[row]) continue;
        const up = ys[row] === ys[row] ? ys[row] : scales.y.min;
        ctx.fillRect(bbox.left + (xs[row] - scales.x.min) * kx - side / 2,
          bbox.top + bbox.height - (up - scales.y.min) * ky - side / 2, side, side);
      }
    });
    ctx.restore();
  }

  legend() {
    const counts = new Array(this.by.names.length).fill(0);
    for (const value of this.by.values) counts[value]++;
    const buttons = this.by.names.map((name, code) => {
      const text = `${name} (${counts[code].toLocaleString("en")})`;
      const button = element("button", { type: "button", ariaPressed: String(!this.off.has(code)) },
        element("span", { className: `mark ${this.by.styles[code]}` }), text);
      button.addEventListener("click", () => {
        if (!this.off.delete(code)) this.off.add(code);
        button.ariaPressed = String(!this.off.has(code));
        this.plot.redraw();
      });
      return [code, button];
    });
    document.getElementById("plot-legend").replaceChildren(
      ...buttons.filter(([code]) => counts[code]).map(([, button]) => button));
  }

  selected(plot) {
    const { left, top, width, height } = plot.select;
    if (width < 3 && height < 3) return;
    this.table.select({
      x: [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")],
      y: [plot.posToVal(top + height, "y"), plot.posToVal(top, "y")],
    });
  }

  mark(region) {
    if (!this.plot) return;
    const { plot } = this;
    const bounded = (value) => Math.min(Math.max(value, -0.02), 1.02);
    const select = { left: 0, top: 0, width: 0, height: 0 };
    if (region) {
      const [left, right] = region.x.map((value) => plot.valToPos(bounded(value), "x"));
      const [bottom, top] = region.y.map((value) => plot.valToPos(bounded(value), "y"));
      Object.assign(select, { left, top, width: right - left, height: bottom - top });
    }
    plot.setSelect(select, false);
  }

  zoom(region) {
    const { plot } = this;
    if (!plot) return;
    const [x, y] = region ? [region.x, region.y] : [[-0.02, 1.02], [-0.03, 1.03]];
    const bounded = ([low, high]) => ({ min: Math.max(low, -0.03), max: Math.min(high, 1.03) });
    plot.batch(() => {
      plot.setScale("x", bounded(x));
      plot.setScale("y", bounded(y));
    });
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  pointed(plot) {
    const { left, top } = plot.cursor;
    if (left < 0) { this.tip.hidden = true; return; }
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.nearest(plot, left, top));
  }

  nearest(plot, left, top) {
    const { scales } = plot;
    const [kx, ky] = [plot.over.clientWidth / (scales.x.max - scales.x.min),
      plot.over.clientHeight / (scales.y.max - scales.y.min)];
    const [x, y] = [plot.posToVal(left, "x"), plot.posToVal(top, "y")];
    const [xs, ys, codes] = [this.x.values, this.y.values, this.by.values];
    let [best, least] = [-1, 100];
    for (let row = 0; row < xs.length; row++) {
      const [dx, dy] = [(xs[row] - x) * kx, (ys[row] - y) * ky];
      const away = dx * dx + dy * dy;
      if (away < least && !this.off.has(codes[row])) [best, least] = [row, away];
    }
    this.tip.hidden = best < 0;
    if (best < 0) return;
    const { view } = this.table;
    const shown = ["id", "token", view.by, view.picture.x, view.picture.y].map((key) => view.column(key));
    this.tip.textContent = shown.filter(Boolean).map((column) => column.words(best)).join(" · ");
    this.tip.style.left = `${Math.min(left + 12, plot.over.clientWidth - 150)}px`;
    this.tip.style.top = `${top + 14}px`;
  }
}
