// One pair, or one prompt without a pair: what was asked and answered, the scores, and why these two.

// Whether differences are marked, from pair to pair.
let isMarked = true;

function pairView(known, entry, numbers, texts, again) {
  const { data } = known;
  const isPair = known.isPair(entry);
  const place = known.prompt(entry);
  const at = { chosen: known.value('chosen', entry), rejected: known.value('rejected', entry) };
  const stage = known.stage(entry);
  const untrained = stage === null ? '' : data.untrained[known.value('stage', entry)];
  return [
    make('p', { class: isPair ? 'prose' : 'prose doubtful' }, why(known, entry, numbers)),
    untrained ? make('p', { class: 'prose doubtful' }, `Its stage is not in the model: ${untrained}`) : null,
    facts([
      ['gap', isPair ? number(known.value('gap', entry)) : null],
      ['U of the chosen', isPair ? number(known.value('chosen_U', entry)) : null],
      ['U of the rejected', isPair ? number(known.value('rejected_U', entry)) : null],
      ['stage', isPair ? stage ?? 'none' : null],
      ['reason', known.reason(entry)],
      ['made by', isPair ? data.origins[known.value('origin', entry)] : null],
      ['round', String(data.prompts.round[place])],
      ['prompt', data.prompts.id[place]],
      ['weight in training', isPair && known.value('weight', entry) !== 1 ? number(known.value('weight', entry)) : null],
      ['margin of votes', isPair && known.value('vote_margin', entry) !== null ? number(known.value('vote_margin', entry)) : null],
      ['disagreement of dimensions', isPair && known.value('disagreement', entry) !== null ? number(known.value('disagreement', entry)) : null],
      ['flags', known.flags(entry).join(', ')],
    ]),
    others(known, entry, place),
    make('h4', {}, 'The prompt'),
    texts ? conversation(texts.messages) : make('p', { class: 'note' }, LEFT_OUT),
    ownColumns(texts?.own),
    isPair && texts ? both(known, entry, numbers, texts, at, again) : null,
    responses(data, numbers, texts, at),
  ];
}

// The other pairs of the same prompt.
function others(known, entry, place) {
  const all = known.ofPrompt.get(place) ?? [];
  return all.length > 1 ? make('p', { class: 'note' }, 'More pairs of this prompt: ', all.filter((one) => one !== entry).map((one) =>
    [make('a', { href: `#${known.address(one)}` }, known.value('gap', one) === null ? isolated(known.data.pairs.id[one]) : `gap ${number(known.value('gap', one))}`), ' '])) : null;
}

function both(known, entry, numbers, texts, at, again) {
  const elsewhere = texts.sides?.[known.data.pairs.id[entry]];
  const side = (name, tag) => {
    const place = at[name];
    return {
      title: name === 'chosen' ? 'Chosen' : 'Rejected',
      tone: name,
      tag,
      text: place === null ? elsewhere?.[name] ?? '' : texts.texts[place],
      thought: place === null ? null : texts.thoughts?.[place],
      beneath: [place === null ? 'from elsewhere' : `response ${place + 1}`, `U ${number(known.value(`${name}_U`, entry))}`,
        counted(known.value(`${name}_tokens`, entry), 'token'), place !== null && numbers.cut[place] ? 'cut off' : null]
        .filter(Boolean).join(' · '),
    };
  };
  const marking = make('input', { type: 'checkbox', checked: isMarked, onchange: (event) => {
    isMarked = event.target.checked;
    again().then(() => document.querySelector('.marking input')?.focus({ preventScroll: true }));
  } });
  return make('div', {}, make('label', { class: 'marking' }, marking, ' mark what differs'),
    sideBySide(side('chosen', 'ins'), side('rejected', 'del'), isMarked));
}

// Every response, the lowest U first: its numbers, then its text.
function responses(data, numbers, texts, at) {
  const count = numbers.tokens.length;
  const U = numbers.U ?? [];
  const order = Array.from({ length: count }, (_, place) => place)
    .sort((one, other) => (U[one] ?? Infinity) - (U[other] ?? Infinity) || one - other);
  const part = (place) => (place === at.chosen ? 'chosen' : place === at.rejected ? 'rejected' : '');
  const named = (place) => [`${place + 1}`, part(place) ? make('span', { class: `badge ${part(place)}` }, part(place)) : null];
  const rows = order.map((place) => [
    named(place),
    number(U[place]),
    ...data.dimensions.map((_, dimension) => numbers.raw
      ? `${either(numbers.raw[dimension][place])} → ${number(numbers.calibrated[dimension][place])}` : '–'),
    whole(numbers.tokens[place]),
    numbers.cut[place] ? 'yes' : '',
    number(numbers.logprob[place], 2),
  ]);
  const weights = data.dimensions.map((name, place) => {
    const weight = data.weights[place];
    return typeof weight === 'number' && weight !== 1 ? `${name} (weight ${String(weight)})` : name;
  });
  return make('div', {},
    make('h4', {}, `All ${counted(count, 'response')}`),
    make('p', { class: 'note' }, 'A dimension’s score as it was measured → on the common scale, where 0 is certain. Log-probabilities of whole responses, in nats. The lowest U first.'),
    grid('Scores of the responses', ['response', 'U', ...weights, 'tokens', 'cut off', 'log-prob.'], rows),
    abstained(numbers.why ?? {}),
    texts ? order.map((place) => make('section', { class: `response ${part(place)}` },
      make('h5', {}, 'Response ', named(place), make('span', { class: 'note' }, ` U ${number(U[place])}`)),
      thinking(texts.thoughts?.[place]), reading(texts.texts[place]))) : null);
}

// Who gave no score, and why: one line for responses that share a reason.
function abstained(why) {
  const lines = [];
  for (const [name, reasons] of Object.entries(why)) {
    const places = new Map();
    reasons.forEach((reason, place) => {
      if (reason) places.set(reason, [...(places.get(reason) ?? []), place + 1]);
    });
    for (const [reason, of] of places) lines.push(make('li', {}, isolated(name), `: no score of response ${of.join(', ')}: `, isolated(reason)));
  }
  return lines.length ? make('ul', { class: 'abstained' }, lines) : null;
}

// Why these two, or why none, from what is known of them.
function why(known, entry, numbers) {
  const U = (numbers.U ?? []).filter((value) => value !== null);
  const of = `Of the ${counted(numbers.tokens.length, 'response')}${U.length === numbers.tokens.length ? '' : `, ${whole(U.length)} with a score,`}`;
  if (!known.isPair(entry)) {
    const [low, high] = [Math.min(...U), Math.max(...U)];
    const spread = U.length < 2 ? '' : low === high ? ` All have U ${number(low)}.`
      : ` The lowest U is ${number(low)} and the highest ${number(high)}: ${number(high - low)} apart.`;
    const reason = known.reason(entry) ?? (U.length || !numbers.U ? null : 'no response has a score');
    // No two of one U have a gap, whatever an earlier version noted of the round.
    const told = reason ?? (U.length > 1 && low === high ? 'no two of its responses differ in U' : null);
    return told === null ? `No pair.${spread} ${refused(known, entry)}` : `No pair: ${told}.${spread}`;
  }
  const origin = known.data.origins[known.value('origin', entry)];
  const [chosen, rejected] = [known.value('chosen', entry), known.value('rejected', entry)];
  const told = [];
  if (chosen !== null && rejected !== null && numbers.U && numbers.U[chosen] !== null && numbers.U[rejected] !== null) {
    told.push(`${of} the chosen one has ${rank(U, numbers.U[chosen])} U (${number(numbers.U[chosen])}) and the rejected one ${rank(U, numbers.U[rejected])} (${number(numbers.U[rejected])}).`);
    told.push(passedOver(numbers, 'lower', (value) => value < numbers.U[chosen]), passedOver(numbers, 'higher', (value) => value > numbers.U[rejected]));
  }
  if (known.value('gap', entry) === null) told.push(`“${origin}” made the pair, not a gap of U.`);
  if (chosen === null || rejected === null) {
    const side = chosen === null && rejected === null ? 'Neither side is' : chosen === null ? 'The chosen side is not' : 'The rejected side is not';
    told.push(`${side} among the sampled responses: it comes from “${origin}”.`);
  }
  if (known.value('vote_margin', entry) !== null) {
    told.push(`Of the responses ${Math.round(100 * known.value('vote_margin', entry))} in 100 more answer as the chosen one than as the rejected one.`);
  }
  if (known.stage(entry) === null) told.push(known.reason(entry) ? `It is in no stage: ${known.reason(entry)}.` : 'It is in no stage.');
  return told.filter(Boolean).join(' ');
}

// Why prompts of the same round gave no pair, where no reason was kept by prompt.
function refused(known, entry) {
  const counts = Object.entries(known.data.refused[known.data.prompts.round[known.prompt(entry)] - 1] ?? {});
  const where = known.isInRounds ? 'in this round' : 'in all';
  return counts.length ? `No reason was kept by prompt; ${where}: ${counts.map(([reason, count]) => `${counted(count, 'prompt')}: ${reason}`).join('; ')}.`
    : 'The run does not say why.';
}

// What is known of responses further out than a side: a strategy may leave out what was cut off.
function passedOver(numbers, way, isFurther) {
  const further = numbers.U.map((_, place) => place).filter((place) => numbers.U[place] !== null && isFurther(numbers.U[place]));
  const cut = further.filter((place) => numbers.cut[place]).length;
  if (!cut) return '';
  if (further.length === 1) return `The one with a ${way} U was cut off.`;
  const verb = cut === 1 ? 'was' : 'were';
  return `Of the ${further.length} with a ${way} U ${cut === further.length && cut > 1 ? 'all' : cut} ${verb} cut off.`;
}

function rank(values, value) {
  const below = values.filter((other) => other < value).length;
  const above = values.filter((other) => other > value).length;
  if (!below) return 'the lowest';
  if (!above) return 'the highest';
  return below <= above ? `the ${ordinal(below + 1)} lowest` : `the ${ordinal(above + 1)} highest`;
}

function ordinal(place) {
  const ending = place % 100 > 10 && place % 100 < 14 ? 'th' : ['th', 'st', 'nd', 'rd'][place % 10] ?? 'th';
  return `${place}${ending}`;
}
