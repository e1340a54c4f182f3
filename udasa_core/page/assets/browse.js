// A list that is searched, sorted and filtered, and beside it one entry at a time: pairs, answers, items.

const ROW = 96;

// what:
//   name, noun [one, many]; count: of entries, known by their numbers
//   line(entry, excerpt) → a row's nodes; view(entry, held) → nodes; title(entry) → text
//   place(entry) → of its texts among `chunks`; id(entry) → what a search by name meets
//   filters [{label, choices: [[label, holds(entry)]]}]; sorts [[label, value(entry), is the highest first]]
//   address(entry) → the part behind "#"; find(parameters) → an entry, or −1
class Browse {
  constructor(host, what) {
    this.what = what;
    this.orders = new Map();
    this.words = new Search(what);
    this.excerpts = new Map();
    this.current = -1;
    this.list = new LongList({
      name: what.name,
      label: what.noun[1],
      height: ROW,
      row: (entry) => this.row(entry),
      chosen: (entry) => go(what.address(entry), true),
    });
    this.build(host);
    this.apply();
    // Where there is room beside the list, something is open from the start.
    if (this.shown.length && matchMedia('(min-width: 56.01rem)').matches) this.view(this.shown[0]);
  }

  build(host) {
    const { filters, sorts, noun } = this.what;
    this.query = make('input', { type: 'search', autocomplete: 'off', spellcheck: 'false' });
    this.sort = make('select', {}, sorts.map(([label], place) => make('option', { value: place }, label)));
    this.way = button('', () => this.turn(), { class: 'way' });
    this.filters = filters.map(({ choices }) =>
      make('select', {}, choices.map(([label], place) => make('option', { value: place }, label))));
    this.status = make('p', { class: 'count', role: 'status' });
    this.progress = make('p', { class: 'progress note' });
    this.none = make('p', { class: 'none', hidden: true }, 'Nothing is like this.');
    this.form = make('form', { class: 'filters', role: 'search', 'aria-label': `${noun[1]}: search, sort, filter` },
      labelled('Search', this.query),
      make('div', { class: 'sorting' }, labelled('Sort by', this.sort), this.way),
      filters.map(({ label }, place) => labelled(label, this.filters[place])),
      make('button', { type: 'reset' }, 'Clear'));
    this.previous = button('Previous', () => this.step(-1), { title: 'Key: k', 'aria-keyshortcuts': 'k' });
    this.next = button('Next', () => this.step(1), { title: 'Key: j', 'aria-keyshortcuts': 'j' });
    this.where = make('span', { class: 'where', role: 'status' });
    this.title = make('h3', { tabindex: '-1' });
    this.body = make('div', { class: 'body' });
    this.bar = make('div', { class: 'bar', hidden: true },
      button('Back to the list', () => this.close(), { class: 'back' }), this.previous, this.next, this.where,
      button('Copy link', (event) => {
        go(this.what.address(this.current), false);
        copy(`${linked()}#${this.what.address(this.current)}`, event.currentTarget);
      }));
    this.hint = make('p', { class: 'hint note' }, 'Choose one of the list: Enter opens it, j and k go on from there.');
    this.element = make('div', { class: 'browse' }, this.form, this.status, this.progress,
      make('div', { class: 'columns' }, make('div', { class: 'listing' }, this.list.element, this.none),
        make('article', { class: 'view', 'aria-label': noun[0] }, this.bar, this.title, this.hint, this.body)));
    host.append(this.element);
    this.direct();
    this.listen();
  }

  listen() {
    let waits = 0;
    this.query.addEventListener('input', () => {
      clearTimeout(waits);
      waits = setTimeout(() => this.search(), 120);
    });
    this.sort.addEventListener('change', () => {
      this.direct();
      this.apply();
      this.first();
    });
    for (const one of this.filters) {
      one.addEventListener('change', () => {
        this.apply();
        this.follow();
      });
    }
    this.form.addEventListener('submit', (event) => event.preventDefault());
    // The fields are as at first only after the event.
    this.form.addEventListener('reset', () => setTimeout(() => {
      this.direct();
      this.search();
    }));
  }

  direct() {
    this.isFalling = this.what.sorts[this.sort.value][2];
    this.turned();
  }

  turn() {
    this.isFalling = !this.isFalling;
    this.turned();
    this.apply();
    this.first();
  }

  turned() {
    this.way.textContent = this.isFalling ? '↓ falling' : '↑ rising';
  }

  // The entries in the order that is chosen; those without a value stand last in both directions.
  order() {
    const name = `${this.sort.value} ${this.isFalling}`;
    if (!this.orders.has(name)) {
      const value = this.what.sorts[this.sort.value][1];
      const way = this.isFalling ? -1 : 1;
      const keys = Float64Array.from({ length: this.what.count }, (_, entry) => way * (value(entry) ?? NaN));
      const known = [];
      const absent = [];
      keys.forEach((key, entry) => (Number.isNaN(key) ? absent : known).push(entry));
      known.sort((one, other) => keys[one] - keys[other] || one - other);
      this.orders.set(name, known.concat(absent));
    }
    return this.orders.get(name);
  }

  // isMore: whether it is the same question, of which more is known.
  apply(isMore = false) {
    const holds = this.filters.map((one, place) => this.what.filters[place].choices[one.value][1]).filter(Boolean);
    if (this.words.isAsked) holds.push(this.words.matches());
    this.shown = this.order().filter((entry) => holds.every((one) => one(entry)));
    this.status.textContent = `${whole(this.shown.length)} of ${counted(this.what.count, ...this.what.noun)}`;
    // Before all texts are opened, nothing may have been found yet: a list that is hidden loses the focus.
    this.none.hidden = this.shown.length > 0 || (this.words.isAsked && !this.words.isDone);
    this.list.element.hidden = !this.none.hidden;
    this.list.show(this.shown, isMore);
    this.placed();
  }

  // What is open beside the list is one of it: the first, where the filters left the other out.
  follow() {
    if (!this.shown.includes(this.current)) this.first();
  }

  // Who sorts or searches wants to read what comes first, where there is room beside the list.
  first() {
    const isBeside = matchMedia('(min-width: 56.01rem)').matches;
    if (!isBeside || !this.shown.length || this.shown[0] === this.current) return;
    go(this.what.address(this.shown[0]), false);
    this.view(this.shown[0]);
  }

  async search() {
    this.words.ask(this.query.value);
    this.apply();
    if (!this.words.isAsked) return this.follow();
    const asked = this.query.value;
    let opened = this.current;
    // As more is found the first may be another one; what the reader opened meanwhile stays.
    const first = () => {
      if (this.query.value !== asked || this.current !== opened) return;
      this.first();
      opened = this.current;
    };
    first();
    await this.words.gather((text) => {
      this.progress.textContent = text;
      this.apply(true);
      first();
    });
  }

  row(entry) {
    const place = this.what.place(entry);
    const known = this.excerpts.get(place);
    if (known === undefined && this.what.chunks.blocks) this.fetch(place);
    return this.what.line(entry, known ?? '');
  }

  // Read what the entries of a block ask, for the list.
  async fetch(place) {
    const { chunks, asks } = this.what;
    const from = place - place % chunks.chunk;
    if (this.excerpts.has(from)) return;
    this.excerpts.set(from, '');
    const held = await block(chunks.name(place));
    held.forEach((one, number) => this.excerpts.set(from + number, one ? asks(one) : ''));
    this.list.draw();
  }

  // Open what an address names.
  async open(parameters, isFocused) {
    this.element.classList.add('opened');
    const entry = this.what.find(parameters);
    if (entry < 0) {
      this.current = -1;
      this.title.textContent = 'Not here';
      this.hint.hidden = true;
      this.body.replaceChildren(make('p', { class: 'prose bad' }, 'The page has none of this name: ', isolated([...parameters.values()].join(' '))));
      return;
    }
    await this.view(entry);
    if (isFocused) this.title.focus({ preventScroll: true });
    this.element.querySelector('.view').scrollIntoView({ block: 'start' });
  }

  async view(entry) {
    this.current = entry;
    this.list.mark(entry);
    this.placed();
    let shown;
    try {
      const held = await this.what.held(entry);
      shown = this.what.view(entry, held, () => this.view(entry)).filter(Boolean);
    } catch (error) {
      shown = [make('p', { class: 'prose bad' }, `It cannot be shown. ${error.message}`)];
    }
    if (this.current !== entry) return;
    this.hint.hidden = true;
    this.bar.hidden = false;
    this.title.replaceChildren(this.what.title(entry));
    this.body.replaceChildren(...shown);
  }

  placed() {
    const place = this.shown.indexOf(this.current);
    this.previous.disabled = place <= 0;
    this.next.disabled = place < 0 ? !this.shown.length : place === this.shown.length - 1;
    this.where.textContent = place < 0 ? 'not in the list as it is filtered' : `${whole(place + 1)} of ${whole(this.shown.length)}`;
  }

  async step(by) {
    const place = this.shown.indexOf(this.current);
    const entry = this.shown[place < 0 ? 0 : place + by];
    if (entry === undefined) return;
    go(this.what.address(entry), false);
    await this.view(entry);
    this.element.querySelector('.view').scrollIntoView({ block: 'start' });
  }

  close() {
    this.element.classList.remove('opened');
    this.list.mark(this.current);
    this.list.element.focus();
    this.list.element.scrollIntoView({ block: 'nearest' });
  }

  key(key) {
    if (key !== 'j' && key !== 'k') return false;
    this.step(key === 'j' ? 1 : -1);
    return true;
  }
}
