'use strict';
// The page's data: blocks of base64 of gzip of JSON, opened one by one when they are asked for.

// Blocks that were opened lately; what is needed for long is held by who asked.
const OPENED = new Map();
const OPENED_AT_MOST = 40;

function hasBlock(name) {
  return document.getElementById(`block-${name}`) !== null;
}

// Return a promise of a block's data.
function block(name) {
  const known = OPENED.get(name) ?? opened(name);
  OPENED.delete(name);
  OPENED.set(name, known);
  if (OPENED.size > OPENED_AT_MOST) OPENED.delete(OPENED.keys().next().value);
  return known;
}

async function opened(name) {
  const held = document.getElementById(`block-${name}`);
  if (!held) throw new Error(`The page has no block ${name}.`);
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('This browser is too old to open the data of the page: it has no DecompressionStream.');
  }
  const stream = new Blob([bytesOf(held.textContent)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  return bytes;
}

// Texts of entries in blocks of `chunk` each, called PREFIX-0, PREFIX-1, …
class Chunks {
  constructor(prefix, chunk, count) {
    this.prefix = prefix;
    this.chunk = chunk;
    this.blocks = hasBlock(`${prefix}-0`) ? Math.ceil(count / chunk) : 0;
  }

  // Return a promise of what is held of an entry; null where it was left out.
  async at(place) {
    return this.blocks ? (await block(this.name(place)))[place % this.chunk] ?? null : null;
  }

  name(place) {
    return `${this.prefix}-${Math.floor(place / this.chunk)}`;
  }
}
