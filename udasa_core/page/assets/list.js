// A list of many entries, of which only those in sight are in the page.

const BEYOND = 6;

class LongList {
  // row: an entry → what its row shows. chosen: told of an entry that the reader opens. Rows have one height.
  constructor({ name, label, height, row, chosen }) {
    Object.assign(this, { name, height, row, chosen });
    this.entries = [];
    this.active = 0;
    this.current = -1;
    this.room = make('div', { class: 'room', role: 'presentation' });
    this.element = make('div', { class: 'list', role: 'listbox', tabindex: '0', 'aria-label': label }, this.room);
    this.element.addEventListener('scroll', () => this.draw());
    this.element.addEventListener('keydown', (event) => this.pressed(event));
    this.element.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.chosen(this.entries[this.active = Number(option.dataset.place)]);
    });
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // Show these entries, from the top; or, where more of the same come in, from where the reader is.
  show(entries, isMore) {
    const active = isMore ? this.entries[this.active] : this.current;
    this.entries = entries;
    this.active = Math.max(0, entries.indexOf(active));
    this.room.style.height = `${entries.length * this.height}px`;
    if (!isMore) this.element.scrollTop = 0;
    this.draw();
  }

  // Mark the entry that is open, and bring it into sight.
  mark(entry) {
    this.current = entry;
    const place = this.entries.indexOf(entry);
    if (place >= 0) this.move(place);
    else this.draw();
  }

  move(place) {
    this.active = Math.min(Math.max(place, 0), this.entries.length - 1);
    const top = this.active * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
    this.draw();
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const from = Math.max(0, Math.floor(scrollTop / this.height) - BEYOND);
    const to = Math.min(this.entries.length, Math.ceil((scrollTop + clientHeight) / this.height) + BEYOND);
    const drawn = [];
    for (let place = from; place < to; place++) drawn.push(this.option(place));
    this.room.replaceChildren(...drawn);
    if (this.active >= from && this.active < to) {
      this.element.setAttribute('aria-activedescendant', this.idOf(this.active));
    } else this.element.removeAttribute('aria-activedescendant');
  }

  option(place) {
    const entry = this.entries[place];
    const option = make('div', {
      id: this.idOf(place),
      class: place === this.active ? 'option active' : 'option',
      role: 'option',
      'data-place': place,
      'aria-selected': String(entry === this.current),
      'aria-setsize': this.entries.length,
      'aria-posinset': place + 1,
    }, this.row(entry));
    option.style.top = `${place * this.height}px`;
    option.style.height = `${this.height}px`;
    return option;
  }

  idOf(place) {
    return `${this.name}-option-${place}`;
  }

  pressed(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.move(this.active + steps[event.key]);
    else if (event.key === 'Enter' || event.key === ' ') this.chosen(this.entries[this.active]);
    else return;
    event.preventDefault();
  }
}
