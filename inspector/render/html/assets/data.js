"use strict";
// Packed columns back to arrays. Texts reach the page through textContent alone: nothing in them is markup.

async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackIntegers(packed) {
  const planes = await unpack(packed.data);
  const rows = planes.length / packed.bytes;
  if (packed.bytes === 1) return planes;
  const values = packed.bytes === 2 ? new Uint16Array(rows) : new Uint32Array(rows);
  for (let plane = packed.bytes - 1; plane >= 0; plane--) {
    for (let row = 0; row < rows; row++) values[row] = (values[row] << 8) | planes[plane * rows + row];
  }
  return values;
}

const STEPS = 65534;

// Shares of the axis, NaN for a row without a number: pictures work with these.
function sharesOf(codes) {
  const shares = new Float32Array(codes.length);
  for (let row = 0; row < codes.length; row++) shares[row] = codes[row] ? (codes[row] - 1) / STEPS : NaN;
  return shares;
}

function valueAt(axis, share) {
  return axis.log ? axis.low * Math.pow(axis.high / axis.low, share) : axis.low + share * (axis.high - axis.low);
}

function shareAt(axis, value) {
  return axis.log ? Math.log(value / axis.low) / Math.log(axis.high / axis.low)
    : (value - axis.low) / (axis.high - axis.low);
}

function wordsOfReal(value, form, rough) {
  if (Number.isNaN(value)) return "-";
  if (form === "cosine") {
    const text = value.toFixed(rough ? 3 : 4);
    return !rough && Math.abs(Number(text)) >= 1 ? (value > 0 ? ">0.9999" : "<-0.9999") : text;
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(rough ? 3 : 4)));
}

// One column of a view: `sort(row)` to compare by, `words(row)` to show.
async function readColumn(packed, view, texts) {
  const column = { ...packed };
  if (packed.kind === "id") {
    column.values = packed.values ? await unpackIntegers(packed.values) : null;
    column.sort = column.values ? (row) => column.values[row] : (row) => row;
    column.words = (row) => String(column.sort(row));
    column.find = (id) => (column.values ? column.values.indexOf(id) : id);
  } else if (packed.kind === "text") {
    const own = packed.texts ? new TextDecoder().decode(await unpack(packed.texts)).split("\n") : texts;
    column.words = (row) => own[row] ?? "-";
    column.sort = column.words;
  } else if (packed.kind === "sparse") {
    column.words = (row) => packed.values[row] ?? "";
    column.sort = column.words;
  } else if (packed.kind === "integer") {
    column.values = await unpackIntegers(packed.values);
    column.sort = (row) => column.values[row];
    column.words = (row) => (column.values[row] ? column.values[row].toLocaleString("en") : packed.zero ?? "0");
  } else if (packed.kind === "code") {
    column.values = await unpackIntegers(packed.values);
    column.sort = (row) => column.values[row];
    column.words = (row) => packed.names[column.values[row]];
  } else {
    column.axis = packed.values;
    column.values = sharesOf(await unpackIntegers(packed.values));
    column.sort = (row) => (Number.isNaN(column.values[row]) ? -1 : column.values[row]);
    column.words = (row) =>
      wordsOfReal(valueAt(column.axis, column.values[row]), packed.form, view.rough && !view.listed[row]);
  }
  return column;
}

async function readView(packed, texts) {
  const view = { ...packed, listed: await unpackIntegers(packed.listed), order: await unpackIntegers(packed.order) };
  view.columns = await Promise.all(packed.columns.map((column) => readColumn(column, view, texts)));
  view.column = (key) => view.columns.find((column) => column.key === key);
  return view;
}
