// Texts from anywhere, as they are read: each in its own direction, the very long ones folded.

const SHOWN_AT_FIRST = 4000;
const LEFT_OUT = 'Its texts are not in this page; its numbers are.';

// A text. marks: runs of `differences` to show instead, with the element ("ins", "del") of what one side has.
function reading(text, marks = null, tag = 'ins') {
  if (!text) return make('p', { class: 'empty' }, 'Nothing: the text is empty.');
  const shown = make('div', { class: 'reading', dir: 'auto' });
  if (text.length <= SHOWN_AT_FIRST) {
    shown.append(...(marks ? marks.map(([run, both]) => both ? run : make(tag, {}, run)) : [text]));
    return shown;
  }
  shown.append(text.slice(0, cutAt(text, SHOWN_AT_FIRST)), '…');
  const more = button(`Show all ${whole(text.length)} characters`, () => {
    shown.textContent = text;
    more.remove();
    shown.tabIndex = -1;
    shown.focus();
  });
  return make('div', {}, shown, more);
}

// Where a text may be cut, so that no letter is cut in two.
function cutAt(text, place) {
  const code = text.charCodeAt(place - 1);
  return code >= 0xd800 && code <= 0xdbff ? place - 1 : place;
}

// Two texts side by side: their headings, and what one has and the other has not. sides: {title, text, tone,
// beneath, thought}.
function sideBySide(left, right, isMarked) {
  const isShort = left.text && right.text && Math.max(left.text.length, right.text.length) <= SHOWN_AT_FIRST;
  const marks = isMarked && isShort ? differences(left.text, right.text) : null;
  const column = (side, own, tag) => make('section', { class: `side ${side.tone ?? ''}` },
    make('h4', {}, side.title), side.beneath ? make('p', { class: 'note' }, side.beneath) : null,
    thinking(side.thought), reading(side.text, own, tag));
  return make('div', {},
    make('div', { class: 'sides' }, column(left, marks?.[0], left.tag ?? 'ins'), column(right, marks?.[1], right.tag ?? 'del')),
    isMarked && !marks && left.text && right.text
      ? make('p', { class: 'note' }, 'The texts are too long for their differences to be marked.') : null);
}

function thinking(thought) {
  return thought ? make('details', {}, make('summary', {}, `Reasoning before the answer (${whole(thought.length)} characters)`),
    reading(thought)) : null;
}

// A prompt: all its messages, by role.
function conversation(messages) {
  return make('div', { class: 'conversation' }, messages.map(([role, content]) =>
    make('section', { class: 'message' }, make('h4', {}, isolated(role)), reading(content))));
}

// The user's own columns of a prompt.
function ownColumns(own) {
  const cells = Object.entries(own ?? {}).filter(([, value]) => value !== null);
  return cells.length ? make('details', { class: 'own', open: true }, make('summary', {}, 'Own columns'),
    facts(cells.map(([name, value]) => [name, plainly(value)]))) : null;
}

function plainly(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// What a prompt asks last, in one line. lead: what all prompts begin with, which tells none from another.
function excerpt(messages, lead = '') {
  const asked = messages.findLast(([role]) => role === 'user') ?? messages[messages.length - 1];
  const text = asked?.[1] ?? '';
  const own = lead && text.startsWith(lead) && text.length > lead.length ? `…${text.slice(lead.length)}` : text;
  const line = own.slice(0, 400).replace(/\s+/g, ' ').trim();
  return line.slice(0, cutAt(line, 160));
}

// Everything that a reader may search for in what is held of a prompt or an item, as small letters.
function searchable(held) {
  const found = [];
  const gather = (value) => {
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'number') found.push(String(value));
    else if (value) Object.values(value).forEach(gather);
  };
  // Who says a message is no text of it.
  gather({ ...held, messages: held.messages?.map(([, content]) => content) });
  return found.join('\n').toLowerCase();
}
