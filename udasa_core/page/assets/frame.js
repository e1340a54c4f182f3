// The frame: one section at a time, by the address behind "#"; light and dark.

const SECTIONS = [...document.querySelectorAll('main > section')];
const TITLE = document.title;
// How far down a reader was, by address, for the way back.
const SCROLLED = new Map();
let address = '';
let isFollowed = false;

// Browsers by the place where they stand, begun when their section is first shown.
const BROWSERS = [...document.querySelectorAll('.browser')].map((host) => ({
  host,
  section: host.closest('main > section'),
  kind: host.dataset.kind,
  settings: JSON.parse(host.dataset.settings),
  begun: null,
}));

function begin(browser) {
  browser.begun ??= begun(browser);
  return browser.begun;
}

async function begun(browser) {
  const status = make('p', { class: 'progress', role: 'status' }, 'Opening …');
  browser.host.append(status);
  try {
    const built = await KINDS[browser.kind].begin(browser.host, browser.settings);
    status.remove();
    return built;
  } catch (error) {
    status.textContent = `This part cannot be shown. ${error.message}`;
    status.className = 'prose bad';
    return {};
  }
}

// Show what the address says. isFocused: whether the reader asked for it just now.
async function visit(isFocused) {
  SCROLLED.set(address, scrollY);
  address = location.hash.slice(1);
  const isReturn = !isFollowed && SCROLLED.has(address);
  isFollowed = false;
  const parameters = new URLSearchParams(address);
  const deep = BROWSERS.find((one) => KINDS[one.kind].takes?.(parameters, one.settings));
  const target = deep ? deep.host : document.getElementById(decoded(address));
  const section = target?.closest('main > section') ?? SECTIONS[0];
  if (!section) return;
  show(section);
  if (deep) {
    await (await begin(deep)).open?.(parameters, isFocused);
  } else if (isReturn) {
    scrollTo(0, SCROLLED.get(address));
  } else if (target && target !== section) {
    target.scrollIntoView();
  } else {
    scrollTo(0, 0);
    if (isFocused) section.querySelector('h2').focus({ preventScroll: true });
  }
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function show(section) {
  for (const one of SECTIONS) one.classList.toggle('current', one === section);
  for (const link of document.querySelectorAll('nav.pages a')) {
    if (link.hash === `#${section.id}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else link.removeAttribute('aria-current');
  }
  document.title = `${section.querySelector('h2').textContent} · ${TITLE}`;
  tellCuts(section);
  for (const browser of BROWSERS) if (browser.section === section) begin(browser);
}

// Go to an address of the page's own. isKept: whether the way back leads here.
function go(hash, isKept) {
  if (isKept) {
    isFollowed = true;
    if (location.hash.slice(1) === hash) visit(true);
    else location.hash = hash;
    return;
  }
  // An address of a page from a file may be replaced in most browsers; where not, the view is shown all the same.
  try { history.replaceState(null, '', `#${hash}`); } catch { /* the address line stays */ }
  address = hash;
}

function linked() {
  return location.href.split('#')[0];
}

// Give a key to the browser that the reader was in last, or to the first of the section that takes it.
async function pressed(event) {
  const isTyping = event.target.closest?.('input, select, textarea, [role=listbox]');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping && !(event.target.matches('[role=listbox]') && event.key.length === 1 && event.key !== ' ')) return;
  const here = BROWSERS.filter((one) => one.begun && one.host.offsetParent);
  here.sort((one, other) => (other.touched ?? 0) - (one.touched ?? 0));
  for (const browser of here) {
    if ((await browser.begun).key?.(event.key)) return;
  }
}

const THEMES = { auto: 'Colours: system', light: 'Light', dark: 'Dark' };

function beginTheme() {
  const known = remembered('udasa-theme');
  const choose = make('select', { 'aria-label': 'Colours' }, Object.entries(THEMES).map(([name, label]) =>
    make('option', { value: name }, label)));
  choose.value = known in THEMES ? known : 'auto';
  const apply = () => {
    if (choose.value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choose.value;
  };
  choose.addEventListener('change', () => {
    remember('udasa-theme', choose.value);
    apply();
  });
  apply();
  document.querySelector('header.top').append(make('div', { class: 'theme' }, choose));
}

function beginFrame() {
  document.documentElement.classList.add('scripted');
  history.scrollRestoration = 'manual';
  for (const section of SECTIONS) section.querySelector('h2').tabIndex = -1;
  for (const browser of BROWSERS) {
    const touch = () => { browser.touched = performance.now(); };
    browser.host.addEventListener('focusin', touch);
    browser.host.addEventListener('pointerdown', touch);
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link) return;
    if (link.classList.contains('skip')) {
      event.preventDefault();
      document.getElementById('content').focus();
    } else isFollowed = true;
  });
  addEventListener('hashchange', () => visit(true));
  document.addEventListener('keydown', pressed);
  beginTheme();
  visit(false);
  // The browser went to the section by itself: the page's head is above it.
  addEventListener('load', () => {
    if (SECTIONS.some((one) => one.id === address)) scrollTo(0, 0);
  });
}
