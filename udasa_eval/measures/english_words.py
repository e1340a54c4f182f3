"""English words by what they do in a sentence: the lists behind `sentence_forms`."""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text, blanks between them."""
    return frozenset(text.split())


BE = listed("am is are was were be been being 'm 're")
GET = listed("get gets got getting gotten")
AUXILIARIES = BE | listed(
    "has have had do does did will would can could may might must shall should 'll 'd 've"
)
# Pronouns that are subjects and nothing else; and those that may be either.
SUBJECTS = listed("i he she we they")
MAYBE_SUBJECTS = listed("you it this these those there everyone everybody someone somebody nobody anyone one")
DETERMINERS = listed(
    "the a an my your his her its our their this these those every each some any no all both another many "
    "most several few two three four five six"
)
PREPOSITIONS = listed(
    "in on at by for with from to of into onto about over under between among through during against "
    "without within near beside behind beyond across along around above below up down off out like per "
    "via upon towards toward despite besides"
)
CONJUNCTIONS = listed("and but or nor so yet then")
# What may stand between "be" and its participle, besides words in -ly.
BETWEEN = listed(
    "not never ever also always often sometimes still already just only first now then soon being been "
    "even both all well best better widely once again later thus therefore however rather quite very too "
    "so more most less much long yet perhaps maybe usually seldom rarely hardly"
)
# Participles that do not end in -ed and take an object.
PARTICIPLES = listed(
    "beaten bent bet bitten bled blown born bought bound bred broken brought built burnt burst cast "
    "caught chosen cut dealt done drawn driven drunk dug eaten fed felt fought forbidden forgiven "
    "forgotten found frozen ground given grown heard held hidden hit hung hurt kept known laid learnt led "
    "left lent let lit lost made meant met mown overcome overthrown overtaken overseen paid put proven "
    "quit read rebuilt redone ridden rung run said sawn seen sent set sewn shaken shed shown shot shut "
    "slain sold sought sown spelt spent spilt split spoken spread spun stolen struck stuck stung sung "
    "sunk swept sworn swum swung taken taught thought thrown told torn trodden undertaken understood "
    "undone upheld withdrawn withheld woken won worn woven written rewritten mistaken misunderstood"
)
# In -ed, and no participle, or as an adjective the same word: "tired of it", though "tired by it" is passive.
NO_PARTICIPLES = listed(
    "red bed shed need seed feed speed weed deed breed indeed hundred sacred naked wicked rugged jagged "
    "ragged beloved aged kindred hatred sled embed tired interested excited bored worried scared "
    "frightened surprised pleased satisfied delighted disappointed confused embarrassed annoyed ashamed "
    "amazed convinced concerned relaxed married divorced engaged determined qualified experienced "
    "advanced complicated sophisticated detailed crowded talented gifted skilled devoted dedicated "
    "opposed accustomed finished retired biased unbiased unemployed exhausted thrilled overwhelmed "
    "impressed fascinated depressed stressed supposed inclined prepared educated unexpected unprecedented "
    "unlimited unchanged unlocked lost done mistaken stuck drunk varied armed fixed uninterested "
    "unrelated"
)
# "Get used to it", "get started": no passive.
AFTER_GET = listed("used started dressed rid ready")
# Verbs, nouns and adjectives that a clause with "that", or without it, completes.
TAKE_CLAUSE = listed(
    "think thinks thought believe believes believed know knows knew say says said hope hopes hoped guess "
    "suppose supposes feel feels felt wish wishes wished mean means meant see sees saw hear heard show "
    "shows showed suggest suggests suggested find found notice noticed realise realised realize realized "
    "remember ensure ensures note explain explains explained claim claims claimed argue argues argued "
    "assume assumes assumed understand doubt fear agree agreed insist demand recommend require report "
    "reported announce announced admit admitted deny denied discover discovered prove proves proved "
    "expect expected promise promised worry forget forgot learn learned learnt indicate indicates state "
    "states stated told tell tells sure certain clear afraid glad happy sorry aware important likely "
    "possible true obvious convinced fact idea belief possibility view evidence news conclusion"
)
# Pasts that are no participle, and common verbs in -s or bare: a finite verb after a subject.
FINITE = listed(
    "went came became began ran sang rang drank swam sank wrote spoke broke chose drove rode rose froze "
    "stole woke wore tore swore bore knew grew threw flew drew blew gave ate fell saw took shook forgot "
    "hid bit sat stood slept left died lived felt kept lost won met got goes comes means says makes takes "
    "gives gets keeps needs wants works lives happens begins starts stops ends becomes seems looks rises "
    "sets falls grows boils cools melts dries leaves arrives opens closes grow exist depend consist cause "
    "occur want need live die fall belong contain allow require eat"
)
# Base forms that orders begin with.
ORDERS = listed(
    "accept act add adjust aim allow answer apply arrange ask assume attach avoid back bake be begin bend "
    "blend boil book break breathe brew bring brush build buy calculate call carry change check choose "
    "chop clean clear click close collect combine come compare complete connect consider consult contact "
    "continue cook cool copy count cover create cut decide define delete describe dice dig discard "
    "discuss divide double download drain draw dress drink drive drop dry eat encourage enjoy ensure "
    "enter establish estimate examine exercise explain explore feel fill find finish flip focus fold "
    "follow forget fry gather get give go grab grate grease grill grind guess have heat help hold "
    "identify imagine include increase insert inspect install invest invite join keep knead knock know "
    "leave let limit list listen load lock look lower maintain make mark mash measure meet melt mention "
    "mix monitor move multiply name note notice offer open order organise organize pack paint park pass "
    "paste pay peel pick place plan plant play point pour practice practise preheat prepare press print "
    "promise protect provide pull push put raise reach read recall record reduce relax release remain "
    "remember remove repeat replace report reset respect rest return review rinse roast roll rotate rub "
    "run save say search season seek select send separate serve set share sift simmer sit sleep slice "
    "slow smile soak solve speak spend spread sprinkle squeeze stand start state stay steam step stick "
    "stir stop store strain stretch study subtract suppose sure switch take talk taste teach tell test "
    "thank think throw tie toast toss touch track trim try turn twist type understand unlock unplug "
    "update use visit wait wake walk warm wash watch water wear weigh whisk win wipe work wrap write"
) - listed("sure thank")
# Of these, those that are nouns or adjectives as well: an order only where an object or the like follows.
ALSO_NOUNS = listed(
    "act aim answer back bake bend book break brush call change check clean clear click close complete "
    "cook cool copy count cover cut double draw dress drink drive drop dry exercise feel fill focus fold "
    "grill guess heat help hold increase join knock limit list load lock look lower mark match measure "
    "mix move name note offer open order pack paint park pass paste pay pick place plan plant play point "
    "practice press print promise pull push reach record release report reset respect rest return review "
    "roast roll run save search season separate share sleep slice slow smile spread stand start state "
    "stay steam step stick stop store strain study switch talk taste test touch track trim try turn twist "
    "type update visit wait walk warm wash watch water wear work wrap"
)
# What an order may begin with, before its verb.
OPENINGS = listed(
    "please first second third next then finally lastly now also so always never just simply instead and "
    "but or again afterwards meanwhile ok okay well carefully slowly gently quickly kindly do not , : -"
)
WH = listed("what when where who whom whose which why how")
# They begin a subordinate clause; and those that do where a finite verb follows ("after the rain stopped").
SUBORDINATORS = listed(
    "because although though unless whereas whether lest whenever wherever whoever whatever if while"
)
FINITE_AFTER = listed("until till since before after once as than")
SIGNS = frozenset(",;:()\u2013\u2014-")
# Longer, in words, than most subjects, and than what stands between a word and its verb.
REACH = 6
