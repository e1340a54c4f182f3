// Two answers to one prompt, before and after training, in an order that is not told: which is better? The reader's
// verdicts stay in the reader's browser until they are exported. While it runs, the section's other browsers, which
// say which answer is which, are hidden.

const DRAWN = 40;
const SEED = 20_261_128;
const VERDICTS = { 1: 'left', 2: 'right', 0: 'neither' };

const BLIND = {
  async begin(host, settings) {
    const data = await block(settings.block);
    const chunks = new Chunks('answer-texts', data.chunk, data.prompts.id.length);
    const blind = new Blind(host, await drawn(data, chunks), data);
    return { key: (key) => blind.key(key) };
  },
};

// The same prompts and sides for every reader: those with both texts, which are not the same.
async function drawn(data, chunks) {
  const random = seeded(SEED);
  const places = data.prompts.id.map((_, place) => place);
  for (let place = places.length - 1; place > 0; place--) {
    const other = Math.floor(random() * (place + 1));
    [places[place], places[other]] = [places[other], places[place]];
  }
  const found = [];
  for (const place of places) {
    if (found.length === DRAWN) break;
    const held = await chunks.at(place);
    const [before, after] = [held?.before[0]?.text, held?.after[0]?.text];
    const isLeft = random() < 0.5;
    if (before === undefined || after === undefined || before === after) continue;
    found.push({ id: data.prompts.id[place], messages: held.messages, left: isLeft ? 'after' : 'before', before, after });
  }
  return found;
}

// Mulberry32: numbers from 0 to 1, the same for the same seed.
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// A short digest (FNV-1a) of a text, to tell one set of answers from another.
function digest(text) {
  let mixed = 0x811c9dc5;
  for (let place = 0; place < text.length; place++) mixed = Math.imul(mixed ^ text.charCodeAt(place), 0x01000193);
  return (mixed >>> 0).toString(36);
}

// Wilson's interval of a share of `count`, at 95%.
function wilson(share, count) {
  const z = 1.959964;
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const half = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

class Blind {
  constructor(host, cases) {
    this.cases = cases;
    this.verdicts = {};
    if (!cases.length) {
      host.append(make('p', { class: 'note' }, 'There is nothing to compare blindly: the page holds no two different answers to one prompt.'));
      return;
    }
    // Of other answers, or another run, the verdicts would be somebody else's.
    this.name = `udasa-blind ${digest(JSON.stringify(cases))}`;
    try { this.verdicts = JSON.parse(remembered(this.name)) ?? {}; } catch { /* begun anew */ }
    this.at = Math.max(0, this.open(0));
    this.host = host;
    this.section = host.closest('main > section');
    this.build(host);
    this.end();
    // Who follows a link to a labelled answer wants to see it.
    addEventListener('hashchange', () => this.end());
  }

  get isDone() {
    return this.given().length === this.cases.length;
  }

  begin() {
    this.run(true);
    this.draw();
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: 'start' });
  }

  end() {
    this.run(false);
    const count = this.given().length;
    this.beginning.textContent = this.isDone ? 'Show the result' : count ? `Continue: ${whole(count)} of ${counted(this.cases.length, 'verdict')} so far` : 'Begin';
  }

  run(isRunning) {
    this.isRunning = isRunning;
    this.work.hidden = !isRunning;
    this.beginning.hidden = isRunning;
    this.host.classList.toggle('running', isRunning);
    this.section.classList.toggle('blinded', isRunning && !this.isDone);
  }

  // The first case without a verdict, from a place on and then from the first; −1 where there is none.
  open(from) {
    const places = this.cases.map((_, place) => (place + from) % this.cases.length);
    return places.find((place) => !this.verdicts[this.cases[place].id]) ?? -1;
  }

  build(host) {
    this.status = make('p', { class: 'count', role: 'status' });
    this.case = make('div', { class: 'case' });
    this.choices = [['1', '1: left is better'], ['2', '2: right is better'], ['0', '0: neither']].map(([key, label]) =>
      button(label, () => this.judge(VERDICTS[key]), { class: 'verdict', 'aria-keyshortcuts': key, 'data-verdict': VERDICTS[key] }));
    this.back = button('Back', () => this.to(this.at - 1));
    this.forward = button('Skip', () => this.to(this.at + 1));
    this.result = make('div', { class: 'result', role: 'status' });
    this.reset = button('Reset', () => this.forget());
    this.beginning = button('Begin', () => this.begin(), { class: 'begin' });
    this.work = make('div', {},
      this.status, make('div', { class: 'bar' }, this.choices, this.back, this.forward), this.case, this.result,
      make('div', { class: 'bar' }, button('Export as CSV', () => this.export('csv')), button('Export as JSON', () => this.export('json')), this.reset,
        button('End for now', () => { this.end(); this.beginning.focus(); })));
    this.element = make('section', { class: 'blind', 'aria-label': 'Blind comparison', tabindex: '-1' },
      make('h3', {}, 'Which is better? Compare blindly'),
      make('p', { class: 'note' }, `${counted(this.cases.length, 'prompt')}, drawn by a fixed seed, each with an answer before training and one after, on sides that are drawn, too. The labelled answers of this section are hidden while you compare. Once begun, the keys 1, 2 and 0 work wherever the focus is in this section, but for fields. Your verdicts stay in this browser.`),
      this.beginning, this.work);
    host.append(this.element);
  }

  draw() {
    const one = this.cases[this.at];
    const given = this.verdicts[one.id]?.verdict;
    const right = one.left === 'after' ? 'before' : 'after';
    this.status.textContent = `${this.at + 1} of ${this.cases.length}; ${counted(this.given().length, 'verdict')} so far`;
    for (const choice of this.choices) choice.setAttribute('aria-pressed', String(choice.dataset.verdict === given));
    this.back.disabled = this.at === 0;
    this.forward.disabled = this.at === this.cases.length - 1;
    this.case.replaceChildren(conversation(one.messages),
      sideBySide({ title: 'Left', text: one[one.left] }, { title: 'Right', text: one[right] }, false));
    this.result.replaceChildren(...this.told());
    this.reset.textContent = 'Reset';
  }

  given() {
    return this.cases.map((one) => this.verdicts[one.id]).filter(Boolean);
  }

  to(place) {
    this.at = Math.min(Math.max(place, 0), this.cases.length - 1);
    this.draw();
  }

  judge(verdict) {
    const { id, left } = this.cases[this.at];
    const right = left === 'after' ? 'before' : 'after';
    this.verdicts[id] = { id, left, verdict, preferred: { left, right, neither: 'neither' }[verdict] };
    this.isKept = remember(this.name, JSON.stringify(this.verdicts));
    const next = this.open(this.at);
    this.to(next < 0 ? this.at : next);
    if (next < 0) this.run(true);
  }

  // The result is told once all are judged: a reader who knows it judges otherwise.
  told() {
    const given = this.given();
    const kept = this.isKept === false ? [make('p', { class: 'prose doubtful' }, 'This browser keeps nothing: export before you leave the page.')] : [];
    if (given.length < this.cases.length) return kept;
    const after = given.filter((one) => one.preferred === 'after').length;
    const decided = after + given.filter((one) => one.preferred === 'before').length;
    const text = decided
      ? `The answer after training was preferred in ${after} of ${decided} (${Math.round((100 * after) / decided)}%, 95% interval ${wilson(after / decided, decided).map((bound) => `${Math.round(100 * bound)}%`).join(' to ')}); neither in ${given.length - decided}.`
      : `Neither was better in all ${given.length}.`;
    return [...kept, make('p', { class: 'prose good' }, text)];
  }

  export(kind) {
    const given = this.given();
    const names = ['id', 'left', 'verdict', 'preferred'];
    if (kind === 'csv') download(fileName('blind', 'csv'), csvOf([names, ...given.map((one) => names.map((name) => one[name]))]), 'text/csv');
    else download(fileName('blind', 'json'), `${JSON.stringify({ page: TITLE, seed: SEED, of: this.cases.length, verdicts: given }, null, 2)}\n`, 'application/json');
  }

  // Twice, so that nothing is lost by a slip.
  forget() {
    if (this.reset.textContent === 'Reset') {
      this.reset.textContent = `Press again to forget ${counted(this.given().length, 'verdict')}`;
      return;
    }
    this.verdicts = {};
    remember(this.name, null);
    this.run(true);
    this.to(0);
  }

  key(key) {
    // After the last verdict a key would overwrite one unseen: the buttons still change it.
    if (!this.isRunning || this.isDone || !(key in VERDICTS)) return false;
    this.judge(VERDICTS[key]);
    return true;
  }
}
