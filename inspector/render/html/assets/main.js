// Without this script the page is complete but still: pictures stand, the longest tables are cut.

async function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const texts = data.texts ? new TextDecoder().decode(await unpack(data.texts)).split("\n") : [];
  const views = await Promise.all(data.views.map((view) => readView(view, texts)));
  const reveal = (selector, hidden) => document.querySelectorAll(selector).forEach((at) => { at.hidden = hidden; });
  reveal(".live", false);
  const table = new RowsTable(views, data.words);
  if (views.some((view) => view.picture)) {
    new Picture(table, data.words);
    reveal(".still", true);
  } else {
    reveal("#plot-live", true);
  }
  reveal(".cut", true);
  strips(table);
  links(table);
  document.documentElement.dataset.ready = "true";
}

function search(table, query) {
  table.clear();
  table.at("search").value = query;
  table.widen(query);
  table.update();
  document.getElementById("rows").scrollIntoView();
}

// A block of the strip, pointed at, lists its ids.
function strips(table) {
  for (const strip of document.querySelectorAll("svg.strip")) {
    strip.style.cursor = "pointer";
    strip.addEventListener("click", (event) => {
      const rows = Number(strip.dataset.rows);
      const box = strip.getBoundingClientRect();
      const inside = ((event.clientX - box.left) / box.width * 720 - 64) / (720 - 64 - 14);
      if (inside < 0 || inside >= 1) return;
      const block = Math.floor(inside * rows / 256) * 256;
      search(table, `${block}:${Math.min(block + 256, rows)}`);
    });
  }
}

// `#id-7` is the row of id 7, `#copies-7` all rows that are equal to it.
function links(table) {
  const follow = () => {
    const meant = /^#(id|copies)-([\d:,]+)$/.exec(location.hash);
    if (meant) search(table, (meant[1] === "copies" ? "=" : "") + meant[2]);
  };
  addEventListener("hashchange", follow);
  follow();
}

start().catch((error) => {
  console.warn(error);
  const failed = document.getElementById("failed");
  if (failed) failed.hidden = false;
});
