// Which script builds which part; then everything begins.
const KINDS = { pairs: PAIRS, answers: ANSWERS, blind: BLIND, items: ITEMS };

beginTables();
beginFrame();
