// A suite's items, those that flipped first, with every model's texts and raw judgements.
//
// Block NAME: `suite`, `figure` (what the scores are), `models`, `ids`, `scores` by model (null where one has none),
// `chunk`. Blocks NAME-texts-N: of each item, by model, texts by column; null where they are left out.

const ITEMS = {
  takes: (parameters, settings) => parameters.has('item') && parameters.get('of') === settings.block,

  async begin(host, settings) {
    const data = await block(settings.block);
    const { ids, models, scores } = data;
    const chunks = new Chunks(`${settings.block}-texts`, data.chunk, ids.length);
    const [first, last] = [models[0], models[models.length - 1]];
    const change = (entry) => changeOf(scores[first]?.[entry] ?? null, scores[last]?.[entry] ?? null);
    const named = (label, holds) => [`${label} (${whole(ids.filter((_, entry) => holds(change(entry))).length)})`,
      (entry) => holds(change(entry))];
    host.append(make('h3', {}, isolated(data.suite), models.length > 1 ? ', item by item, what was lost first' : ', item by item'));
    if (models.length > 1) {
      host.append(make('p', { class: 'note' }, 'Lost: ', isolated(last), ' scores lower than ', isolated(first),
        '. That is another thing than a rise of U, by which Before and after is sorted.'));
    }
    return new Browse(host, {
      name: settings.block,
      noun: ['item', 'items'],
      count: ids.length,
      chunks,
      place: (entry) => entry,
      id: (entry) => ids[entry],
      asks: (held) => firstText(held).slice(0, 160),
      title: (entry) => make('span', {}, 'Item ', isolated(ids[entry])),
      line: (entry, asked) => [make('div', { class: 'asked', dir: 'auto' }, asked || ids[entry]),
        make('div', { class: 'figures' }, models.length > 1
          ? [`${either(scores[first]?.[entry])} → ${either(scores[last]?.[entry])}`, flipped(change(entry))]
          : either(scores[first]?.[entry]))],
      filters: models.length > 1 ? [{ label: 'Show', choices: [['all', null],
        named('lost', (by) => by !== null && by < 0), named('gained', (by) => by !== null && by > 0),
        named('the same', (by) => by === 0)] }] : [],
      sorts: [...(models.length > 1 ? [['change, base to last model', change, false]] : []),
        ...models.map((model) => [`score of ${model}`, (entry) => scores[model]?.[entry] ?? null, false]),
        ['the order of the suite', (entry) => entry, false]],
      address: (entry) => new URLSearchParams({ item: ids[entry], of: settings.block }).toString(),
      find: (parameters) => ids.indexOf(parameters.get('item')),
      held: async (entry) => (chunks.blocks
        ? { held: await chunks.at(entry), common: common(await block(chunks.name(entry)), models) } : { held: null }),
      view: (entry, { held, common }) => [
        scoresOf(entry, data),
        ...(held ? [shared(held, models, common), ...beside(models, held, common)]
          : [make('p', { class: 'note' }, LEFT_OUT)]),
      ],
    });
  },
};

function flipped(by) {
  if (!by) return null;
  return make('span', { class: by < 0 ? 'badge bad' : 'badge good' }, by < 0 ? 'lost' : 'gained');
}

function firstText(held) {
  return Object.values(Object.values(held).find(Boolean) ?? {}).find((text) => typeof text === 'string')?.replace(/\s+/g, ' ') ?? '';
}

// The columns that say the same of all models, in every item of a block: they are of the items.
function common(block, models) {
  const items = block.filter(Boolean).map((held) => models.map((model) => held[model]).filter(Boolean));
  const names = new Set(items.flatMap((known) => known.flatMap(Object.keys)));
  // Which outputs are right is told beside them.
  return [...names].filter((name) => name !== 'right' && models.length > 1
    && items.every((known) => known.every((one) => plainly(one[name] ?? null) === plainly(known[0][name] ?? null))));
}

function shared(held, models, names) {
  const of = held[models.find((model) => held[model])] ?? {};
  return names.length ? make('section', { class: 'message' }, columns(names.map((name) => [name, of[name]]))) : null;
}

// What each model scores, base and last model first.
function scoresOf(entry, { models, scores, figure }) {
  const [first, ...others] = models;
  const order = [first, ...others.slice(-1), ...others.slice(0, -1)];
  return grid('Scores by model', ['figure', ...order], [[figure || 'score', ...order.map((model) => either(scores[model]?.[entry]))]]);
}

// The base and the last model side by side; those in between on demand.
function beside(models, held, common) {
  const sides = (some) => make('div', { class: 'sides' }, some.map((model) => judged(model, held[model], common)));
  const ends = models.filter((_, place) => place === 0 || place === models.length - 1);
  const between = models.slice(1, -1);
  return [sides(ends), between.length ? make('details', { class: 'between' },
    make('summary', {}, `The ${between.length === 1 ? 'model' : `${whole(between.length)} models`} in between`), sides(between)) : null];
}

function judged(model, of, common) {
  const right = marks(of?.right);
  return make('section', { class: 'side' }, make('h4', {}, isolated(model)), of
    ? columns(Object.entries(of).filter(([name]) => !common.includes(name) && !(right && name === 'right')), right)
    : make('p', { class: 'note' }, 'It was not measured on this item.'));
}

// Texts one below the other, then the numbers side by side.
// right: which of as many outputs are right, where the suite says so.
function columns(cells, right = null) {
  const known = cells.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const isNumber = ([, value]) => /^-?\d+(\.\d+)?(e-?\d+)?$/.test(plainly(value));
  return [...known.filter((cell) => !isNumber(cell)).map(([name, value]) =>
    make('div', { class: 'told' }, make('h5', {}, isolated(name)), several(plainly(value), right))), facts(known.filter(isNumber))];
}

// A text, or a list of them where it is one written as JSON.
function several(text, right = null) {
  const all = listed(text);
  if (!all?.length || !all.every((one) => typeof one === 'string')) return reading(text);
  const mark = (place) => (right?.length !== all.length ? null
    : make('span', { class: right[place] ? 'badge good' : 'badge bad' }, right[place] ? 'right' : 'wrong'));
  return make('ol', {}, all.map((one, place) => make('li', {}, mark(place), reading(one))));
}

// A suite's column `right`: by output whether it is.
function marks(text) {
  const all = listed(text ?? '');
  return all?.length && all.every((one) => typeof one === 'boolean') ? all : null;
}

function listed(text) {
  try {
    return text.startsWith('[') ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
