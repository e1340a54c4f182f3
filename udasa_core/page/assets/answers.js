// Held-out prompts with their answers before and after training, what got worse first.
//
// Block `answers`: `figures` (names), `prompts`: id, and for each figure NAME_before and NAME_after, `chunk`. Blocks
// `answer-texts-N`: of each prompt `messages`, `own`, `before` and `after`: {text, thought, U, tokens, cut} each;
// null where they are left out.

const ANSWERS = {
  takes: (parameters) => parameters.has('answer'),

  async begin(host, settings) {
    const data = await block(settings.block);
    const { prompts } = data;
    // U first, where there is one: by it a prompt got worse.
    const figures = [...data.figures].sort((one, other) => (other === 'U') - (one === 'U'));
    const chunks = new Chunks('answer-texts', data.chunk, prompts.id.length);
    const rise = (name) => (entry) => changeOf(prompts[`${name}_before`][entry], prompts[`${name}_after`][entry]);
    const shares = (name, holds) => {
      const count = prompts.id.filter((_, entry) => holds(rise(name)(entry))).length;
      return (way) => [`${name} ${way} (${whole(count)})`, (entry) => holds(rise(name)(entry))];
    };
    host.append(make('h3', {}, 'Prompt by prompt, where U rose most first'),
      make('p', { class: 'note' }, 'Where U rose, the model is less certain than before. Whether an answer got worse, U does not say: a suite that knows what is right does, item by item, under ',
        make('a', { href: '#suites' }, 'Suites'), '.'));
    return new Browse(host, {
      name: settings.block,
      noun: ['prompt', 'prompts'],
      count: prompts.id.length,
      chunks,
      place: (entry) => entry,
      id: (entry) => prompts.id[entry],
      asks: (held) => excerpt(held.messages, data.lead),
      title: (entry) => make('span', {}, 'Prompt ', isolated(prompts.id[entry])),
      line: (entry, asked) => [make('div', { class: 'asked', dir: 'auto' }, asked || prompts.id[entry]),
        make('div', { class: 'figures' }, figures.filter((name) => !name.startsWith('u ')).slice(0, 2).map((name) =>
          `${name} ${either(prompts[`${name}_before`][entry])} → ${either(prompts[`${name}_after`][entry])}`).join(' · '))],
      filters: [{ label: 'Show', choices: [['all', null], ...figures.flatMap((name) => [
        shares(name, (change) => change > 0)('rose'), shares(name, (change) => change < 0)('fell')])] }],
      sorts: [...figures.map((name) => [`rise of ${name}`, rise(name), true]),
        ['the order they were asked in', (entry) => entry, false]],
      address: (entry) => new URLSearchParams({ answer: prompts.id[entry] }).toString(),
      find: (parameters) => prompts.id.indexOf(parameters.get('answer')),
      held: (entry) => chunks.at(entry),
      view: (entry, held, again) => answersView(data, entry, held, again),
    });
  },
};

function changeOf(before, after) {
  return before === null || after === null || before === undefined || after === undefined ? null : after - before;
}

function answersView(data, entry, held, again) {
  const { prompts, figures } = data;
  const rows = figures.map((name) => {
    const [before, after] = [prompts[`${name}_before`][entry], prompts[`${name}_after`][entry]];
    const change = changeOf(before, after);
    const isWhole = Number.isInteger(change);
    return [isolated(name), either(before), either(after), change === null ? '–' : isWhole ? signed(change, 0) : signed(change)];
  });
  const told = grid('Figures before and after', ['figure', 'before', 'after', 'change'], rows);
  if (!held) return [told, make('p', { class: 'note' }, LEFT_OUT)];
  const marking = make('input', { type: 'checkbox', checked: isMarked, onchange: (event) => {
    isMarked = event.target.checked;
    again().then(() => document.querySelector('.current .marking input')?.focus({ preventScroll: true }));
  } });
  const count = Math.max(held.before.length, held.after.length);
  return [
    told,
    make('h4', {}, 'The prompt'),
    conversation(held.messages),
    ownColumns(held.own),
    make('label', { class: 'marking' }, marking, ' mark what differs'),
    ...Array.from({ length: count }, (_, place) =>
      sideBySide(answered('Before', held.before[place]), answered('After', held.after[place]), isMarked)),
  ];
}

// Neither side is the better one: what differs has one colour on both.
function answered(title, answer, tag = 'mark') {
  if (!answer) return { title, text: '', beneath: 'no answer', tag };
  const beneath = [answer.U === null || answer.U === undefined ? null : `U ${number(answer.U)}`,
    answer.tokens === undefined ? null : counted(answer.tokens, 'token'), answer.cut ? 'cut off' : null];
  return { title, text: answer.text, thought: answer.thought, tag, beneath: beneath.filter(Boolean).join(' · ') };
}
