// Two texts compared word by word.

// More comparisons than this are not made: a reader would wait.
const COMPARED_AT_MOST = 4_000_000;

function wordsOf(text) {
  if (typeof Intl.Segmenter === 'function') {
    return Array.from(new Intl.Segmenter('en', { granularity: 'word' }).segment(text), (one) => one.segment);
  }
  return text.match(/\s+|[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]/gu) ?? [];
}

// Return both texts as runs [text, is it in both]; null where they are too long to be compared. Blanks are not
// compared: they go with the words around them.
function differences(left, right) {
  const pieces = [wordsOf(left), wordsOf(right)];
  const [one, other] = pieces.map((all) => all.filter((piece) => piece.trim()));
  let from = 0;
  while (from < one.length && from < other.length && one[from] === other[from]) from++;
  let behind = 0;
  while (behind < one.length - from && behind < other.length - from
    && one[one.length - 1 - behind] === other[other.length - 1 - behind]) behind++;
  const rows = one.length - from - behind;
  const columns = other.length - from - behind;
  if (rows * columns > COMPARED_AT_MOST) return null;
  const isShared = [new Uint8Array(one.length).fill(1), new Uint8Array(other.length).fill(1)];
  isShared[0].fill(0, from, from + rows);
  isShared[1].fill(0, from, from + columns);
  for (const [row, column] of longestShared(one.slice(from, from + rows), other.slice(from, from + columns))) {
    isShared[0][from + row] = 1;
    isShared[1][from + column] = 1;
  }
  return [runs(pieces[0], isShared[0]), runs(pieces[1], isShared[1])];
}

// The places of a longest common subsequence, by its lengths from each pair of places on.
function longestShared(one, other) {
  const wide = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * wide);
  for (let row = one.length - 1; row >= 0; row--) {
    for (let column = other.length - 1; column >= 0; column--) {
      const here = row * wide + column;
      lengths[here] = one[row] === other[column]
        ? lengths[here + wide + 1] + 1 : Math.max(lengths[here + wide], lengths[here + 1]);
    }
  }
  const found = [];
  let row = 0;
  let column = 0;
  while (row < one.length && column < other.length) {
    const here = row * wide + column;
    if (one[row] === other[column]) found.push([row++, column++]);
    else if (lengths[here + wide] >= lengths[here + 1]) row++;
    else column++;
  }
  return found;
}

// Neighbours as one run. A blank between two words that only one side has is of that run, too.
function runs(pieces, isShared) {
  const told = [];
  let word = 0;
  for (const piece of pieces) {
    const both = Boolean(piece.trim() ? isShared[word++]
      : (isShared[word - 1] ?? 1) || (isShared[word] ?? 1));
    if (told.length && told[told.length - 1][1] === both) told[told.length - 1][0] += piece;
    else told.push([piece, both]);
  }
  return told;
}
