// The pairs of a run, and the prompts that gave none: what is listed, and by what. The format is pairs.py's.

const PAIRS = {
  takes: (parameters) => parameters.has('pair') || parameters.has('prompt'),

  async begin(host, settings) {
    const data = await block(settings.block);
    const known = new PairData(data);
    const chunks = new Chunks('pair-texts', data.chunk, data.prompts.id.length);
    return new Browse(host, {
      name: settings.block,
      noun: known.unpaired.length ? ['pair or prompt without one', 'pairs and prompts without one'] : ['pair', 'pairs'],
      count: known.count,
      chunks,
      place: (entry) => known.prompt(entry),
      id: (entry) => (known.isPair(entry) ? `${data.pairs.id[entry]}\n` : '') + data.prompts.id[known.prompt(entry)],
      asks: (held) => excerpt(held.messages, data.lead),
      line: (entry, asked) => known.line(entry, asked),
      title: (entry) => known.title(entry),
      filters: known.filters(),
      sorts: known.sorts(),
      address: (entry) => known.address(entry),
      find: (parameters) => known.find(parameters),
      held: async (entry) => {
        const place = known.prompt(entry);
        const [numbers, texts] = await Promise.all([known.numbers.at(place), chunks.at(place)]);
        return { numbers, texts };
      },
      view: (entry, { numbers, texts }, again) => pairView(known, entry, numbers, texts, again),
    });
  },
};

// Entries: first the pairs, in their order, then the prompts without a pair.
class PairData {
  constructor(data) {
    this.data = data;
    this.pairs = data.pairs.id.length;
    this.numbers = new Chunks('pair-numbers', data.chunk, data.prompts.id.length);
    this.ofPrompt = new Map();
    data.pairs.prompt.forEach((place, entry) => {
      if (!this.ofPrompt.has(place)) this.ofPrompt.set(place, []);
      this.ofPrompt.get(place).push(entry);
    });
    this.unpaired = data.prompts.id.map((_, place) => place).filter((place) => !this.ofPrompt.has(place));
    this.count = this.pairs + this.unpaired.length;
    this.isInRounds = new Set(data.prompts.round).size > 1;
  }

  isPair(entry) {
    return entry < this.pairs;
  }

  prompt(entry) {
    return this.isPair(entry) ? this.data.pairs.prompt[entry] : this.unpaired[entry - this.pairs];
  }

  value(column, entry) {
    return this.isPair(entry) ? this.data.pairs[column][entry] : null;
  }

  // Why an entry is no pair, or in no stage; null for a pair in a stage.
  reason(entry) {
    const place = this.isPair(entry) ? this.data.pairs.reason[entry] : this.data.prompts.reason[this.prompt(entry)];
    return place === null ? null : this.data.reasons[place];
  }

  stage(entry) {
    const place = this.value('stage', entry);
    return place === null ? null : this.data.stages[place];
  }

  flags(entry) {
    const bits = this.value('flags', entry) ?? 0;
    return this.data.flags.filter((_, bit) => bits & (1 << bit));
  }

  title(entry) {
    const id = isolated(this.isPair(entry) ? this.data.pairs.id[entry] : this.data.prompts.id[this.prompt(entry)]);
    return make('span', {}, this.isPair(entry) ? 'Pair ' : 'No pair of prompt ', id);
  }

  line(entry, asked) {
    const id = this.data.prompts.id[this.prompt(entry)];
    const flags = this.flags(entry);
    const figures = this.isPair(entry)
      ? `${this.value('gap', entry) === null ? 'no gap' : `gap ${number(this.value('gap', entry))}`} · U ${number(this.value('chosen_U', entry))} → ${number(this.value('rejected_U', entry))}`
      : 'no pair';
    const fate = this.stage(entry) ?? this.reason(entry) ?? '';
    return [
      make('div', { class: 'asked', dir: 'auto' }, asked || id),
      make('div', { class: 'figures' }, figures, fate ? ' · ' : null, fate ? isolated(fate) : null,
        flags.length ? [' · ', make('span', { class: 'flag' }, `⚑ ${flags.join(', ')}`)] : null),
    ];
  }

  filters() {
    const { data } = this;
    const entries = Array.from({ length: this.count }, (_, entry) => entry);
    const choice = (label, holds) => [`${label} (${whole(entries.filter(holds).length)})`, holds];
    const offered = [];
    const offer = (label, choices) => {
      if (choices.length > 1) offered.push({ label, choices: [['all', null], ...choices] });
    };
    if (this.pairs && this.unpaired.length) {
      offer('Show', [choice('pairs', (entry) => this.isPair(entry)), choice('prompts without a pair', (entry) => !this.isPair(entry))]);
    }
    const inNone = (entry) => this.isPair(entry) && data.pairs.stage[entry] === null;
    offer('Stage', [...data.stages.map((name, place) => choice(name, (entry) => this.value('stage', entry) === place)),
      ...(data.pairs.stage.includes(null) ? [choice('in no stage', inNone)] : [])]);
    if (this.isInRounds) {
      const rounds = [...new Set(data.prompts.round)].sort((one, other) => one - other);
      offer('Round', rounds.map((round) => choice(String(round), (entry) => data.prompts.round[this.prompt(entry)] === round)));
    }
    const reasons = data.reasons.map((name) => choice(name, (entry) => this.reason(entry) === name));
    const isSilent = (entry) => this.reason(entry) === null && !this.isPair(entry);
    const silent = entries.some(isSilent) ? [choice('none was noted', isSilent)] : [];
    if (reasons.length) offer('Reason', [choice('any', (entry) => this.reason(entry) !== null), ...reasons, ...silent]);
    const flagged = choice('any', (entry) => Boolean(this.value('flags', entry)));
    const isFlagged = (bit) => (entry) => Boolean((this.value('flags', entry) ?? 0) & (1 << bit));
    const raised = data.flags.map((name, bit) => [name, isFlagged(bit)]).filter(([, holds]) => entries.some(holds));
    offer('Flag', [flagged, ...raised.map(([name, holds]) => choice(name, holds))]);
    return offered;
  }

  sorts() {
    const by = (column) => (entry) => this.value(column, entry);
    const lengths = (entry) => (this.isPair(entry) ? this.value('chosen_tokens', entry) - this.value('rejected_tokens', entry) : null);
    return [
      ['the order they were made in', (entry) => this.prompt(entry), false],
      ['gap', by('gap'), true],
      ['U of the chosen', by('chosen_U'), true],
      ['U of the rejected', by('rejected_U'), true],
      ['disagreement of dimensions', by('disagreement'), true],
      ['length of the chosen', by('chosen_tokens'), true],
      ['length of the rejected', by('rejected_tokens'), true],
      ['length, chosen less rejected', lengths, true],
    ];
  }

  address(entry) {
    const parameters = this.isPair(entry)
      ? new URLSearchParams({ pair: this.data.pairs.id[entry] })
      : new URLSearchParams({ prompt: this.data.prompts.id[this.prompt(entry)] });
    if (this.isInRounds) parameters.set('round', this.data.prompts.round[this.prompt(entry)]);
    return parameters.toString();
  }

  // A pair by its id, or a prompt's first pair, or the prompt itself; of a round where one is named.
  find(parameters) {
    const round = Number(parameters.get('round')) || null;
    const isOf = (place) => round === null || this.data.prompts.round[place] === round;
    const id = parameters.get('pair');
    if (id !== null) return this.data.pairs.id.findIndex((one, entry) => one === id && isOf(this.data.pairs.prompt[entry]));
    const place = this.data.prompts.id.findIndex((one, at) => one === parameters.get('prompt') && isOf(at));
    if (place < 0) return -1;
    return this.ofPrompt.get(place)?.[0] ?? this.pairs + this.unpaired.indexOf(place);
  }
}
