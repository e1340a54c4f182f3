// What a reader takes home: a table's values as CSV, a chart as SVG.

function download(name, text, kind) {
  const link = make('a', { href: URL.createObjectURL(new Blob([text], { type: `${kind};charset=utf-8` })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fileName(name, suffix) {
  const page = TITLE.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${page}-${name}.${suffix}`;
}

// Cells as CSV: a table's own is made elsewhere, this is of what a reader does in the page.
function csvOf(rows) {
  const cell = (value) => /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  return rows.map((row) => row.map((value) => cell(String(value ?? ''))).join(',') + '\n').join('');
}

// A chart with the colours that it has where it is light, as a file of its own.
function svgOf(drawing) {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = 'light';
  const copied = drawing.cloneNode(true);
  const originals = drawing.querySelectorAll('[class]');
  copied.querySelectorAll('[class]').forEach((element, place) => {
    const style = getComputedStyle(originals[place]);
    const classes = element.getAttribute('class');
    if (classes.includes('fill-')) element.setAttribute('fill', style.fill);
    if (classes.includes('stroke-')) element.setAttribute('stroke', style.stroke);
    element.removeAttribute('class');
  });
  if (theme === undefined) delete root.dataset.theme;
  else root.dataset.theme = theme;
  const { width, height } = drawing.viewBox.baseVal;
  copied.setAttribute('width', `${Number(width.toFixed(2))}pt`);
  copied.setAttribute('height', `${Number(height.toFixed(2))}pt`);
  copied.setAttribute('font-family', 'sans-serif');
  return new XMLSerializer().serializeToString(copied);
}

// Select a text, for the reader to copy by hand.
function selected(element) {
  getSelection().selectAllChildren(element);
  element.focus();
  return 'Selected: press Ctrl+C';
}

// What is cut says how much there is, and is shown whole when asked. Only what is in sight has a height.
function tellCuts(section) {
  for (const box of section.querySelectorAll('.table > .wide, .code > pre')) {
    if (box.dataset.told || box.scrollHeight <= box.clientHeight + 2) continue;
    // For a few lines more nothing is cut.
    if (box.scrollHeight < 1.3 * box.clientHeight) {
      box.classList.add('whole');
      continue;
    }
    box.dataset.told = 'cut';
    const isTable = box.matches('.wide');
    const count = isTable ? box.querySelectorAll('tbody tr').length : box.textContent.trimEnd().split('\n').length;
    const all = counted(count, isTable ? 'row' : 'line');
    const more = make('p', { class: 'more' }, `${all}: more below, by scrolling `, button('Show all', () => {
      box.classList.add('whole');
      more.remove();
      box.focus({ preventScroll: true });
    }, { 'aria-label': `Show all ${all}: ${box.closest('figure').querySelector('figcaption')?.textContent ?? ''}` }));
    box.after(more);
  }
}

function beginTables() {
  for (const folded of document.querySelectorAll('.folded')) folded.addEventListener('toggle', () => tellCuts(folded));
  for (const from of document.querySelectorAll('button.copy')) {
    const figure = from.closest('figure');
    const text = figure.querySelector('pre');
    from.setAttribute('aria-label', `Copy: ${figure.querySelector('figcaption').textContent}`);
    from.addEventListener('click', () => copy(text.textContent, from, () => selected(text)));
  }
  for (const csv of document.querySelectorAll('button.csv')) {
    const name = csv.dataset.csv;
    const of = csv.closest('figure').querySelector('figcaption')?.textContent ?? name;
    csv.setAttribute('aria-label', `CSV: ${of}`);
    csv.addEventListener('click', async () => download(fileName(name, 'csv'), await block(`csv-${name}`), 'text/csv'));
    const drawing = csv.closest('figure').querySelector('.drawing > svg');
    if (drawing) {
      csv.after(' ', button('SVG', () => download(fileName(name, 'svg'), svgOf(drawing), 'image/svg+xml'),
        { class: 'svg', 'aria-label': `SVG: ${of}` }));
    }
  }
}
