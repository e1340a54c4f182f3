// Elements. Texts become text nodes and attributes, never markup.

// Return an element. Attributes that are null or false are left out; "onclick" and the like are listeners.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function button(label, clicked, attributes = {}) {
  return make('button', { type: 'button', onclick: clicked, ...attributes }, label);
}

// A label with what it is of, under a name of the page's own.
let made = 0;
function labelled(label, control) {
  control.id = `control-${++made}`;
  return make('div', { class: 'field' }, make('label', { for: control.id }, label), control);
}

// Names and values, side by side; values that are null are left out.
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return make('dl', { class: 'facts' }, known.map(([name, value]) =>
    make('div', {}, make('dt', {}, isolated(name)), make('dd', {}, typeof value === 'string' ? isolated(value) : value))));
}

function isolated(text) {
  return make('bdi', {}, text);
}

// A table that scrolls within itself. rows: lists of cells, the first of which is the row's name.
function grid(label, names, rows) {
  const head = make('tr', {}, names.map((name, column) =>
    make('th', { scope: 'col', class: column ? 'number' : null }, isolated(name))));
  const body = rows.map((cells) => make('tr', {}, cells.map((cell, column) =>
    column ? make('td', { class: 'number' }, cell) : make('th', { scope: 'row' }, cell))));
  return make('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': label },
    make('table', {}, make('thead', {}, head), make('tbody', {}, body)));
}

// Numbers as the rest of the page has them.
function number(value, digits = 3) {
  return value === null || value === undefined ? '–' : value.toFixed(digits).replace('-', '−');
}

function signed(value, digits = 3) {
  return value > 0 ? `+${number(value, digits)}` : number(value, digits);
}

function whole(value) {
  return value === null || value === undefined ? '–' : value.toLocaleString('en').replace('-', '−');
}

// A figure that may be either: whole numbers as they are, others in three decimals.
function either(value) {
  return Number.isInteger(value) ? whole(value) : number(value);
}

function counted(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

// What a reader may keep from visit to visit; a browser may forbid it.
function remembered(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function remember(name, text) {
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    return true;
  } catch { return false; }
}

// Copy a text, and say so on the button; where the browser forbids it, `instead` says what else can be done.
async function copy(text, from, instead = () => 'Copy it from the address line') {
  const label = from.textContent;
  try {
    await navigator.clipboard.writeText(text);
    from.textContent = 'Copied';
  } catch {
    from.textContent = instead();
  }
  setTimeout(() => { from.textContent = label; }, 2000);
}
