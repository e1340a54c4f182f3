// Words looked for in ids, and in all that the page holds of entries: prompts, responses, the user's columns.

class Search {
  // what: of a Browse, whose `place`, `id` and `chunks` it uses.
  constructor(what) {
    this.what = what;
    this.words = [];
    this.texts = [];
    this.isBegun = false;
    this.isDone = false;
  }

  // Every word must occur; several in quotation marks, as they stand.
  ask(query) {
    const parts = query.toLowerCase().match(/"[^"]+"|\S+/g) ?? [];
    this.words = parts.map((one) => one.replaceAll('"', '')).filter(Boolean);
  }

  get isAsked() {
    return this.words.length > 0;
  }

  // Open all texts once; from then on a search looks into memory. told: what a reader may know meanwhile.
  async gather(told) {
    if (this.isBegun) return;
    this.isBegun = true;
    const { chunks } = this.what;
    if (!chunks.blocks) {
      this.isDone = true;
      told('The page has no texts of these: only ids are searched.');
      return;
    }
    let last = performance.now();
    for (let number = 0; number < chunks.blocks; number++) {
      (await block(`${chunks.prefix}-${number}`)).forEach((held, place) => {
        this.texts[number * chunks.chunk + place] = held && searchable(held);
      });
      if (performance.now() - last > 250) {
        last = performance.now();
        told(`Opening texts: ${number + 1} of ${chunks.blocks} parts`);
        await new Promise((resolve) => { setTimeout(resolve); });
      }
    }
    this.isDone = true;
    told(this.texts.includes(null) ? 'Some texts are not in this page: of those, only ids are searched.' : '');
  }

  // Whether an entry has all words. Entries may share their texts.
  matches() {
    const { place, id } = this.what;
    const known = new Map();
    const inTexts = (at) => {
      if (!known.has(at)) known.set(at, this.words.map((word) => Boolean(this.texts[at]?.includes(word))));
      return known.get(at);
    };
    return (entry) => {
      const name = id(entry).toLowerCase();
      const found = inTexts(place(entry));
      return this.words.every((word, number) => found[number] || name.includes(word));
    };
  }
}
