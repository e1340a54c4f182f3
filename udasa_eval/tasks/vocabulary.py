"""The words that tasks are made of: names, things of a kind, words to spell."""

from __future__ import annotations

from udasa_eval.tasks.task import words

NAMES = words("Anna Ben Carl Dora Emma Frank Grace Henry Ida Jack Kate Leo Mia Noah Olga Peter Rosa Sam")
THINGS = words("apple book pen ball coin card shell stamp cookie button marble sticker")
KINDS = {
    "animal": words("cat dog cow horse lion tiger bear wolf sheep rabbit goat pig monkey zebra"),
    "fruit": words("apple banana cherry grape lemon mango melon peach pear plum"),
    "colour": words("red blue green yellow black white brown pink purple grey"),
    "tool": words("hammer saw drill pliers wrench screwdriver shovel rake"),
    "vehicle": words("car bus train truck bicycle tram plane ship"),
    "body part": words("arm leg nose ear knee elbow shoulder neck"),
    "musical instrument": words("clarinet violin guitar flute drum trumpet harp cello"),
    "piece of furniture": words("table chair sofa bed desk bookcase stool wardrobe"),
}
# A plum is a fruit, and a colour, too: these stand in no list together.
MIXED_UP = frozenset({"fruit", "colour"})
SHORT = words("bag bed box bus cap car cup dog egg fan hat jam key leg map net pan pig pot sun")
MIDDLE = words(
    "bread chair cloud dance earth field glass heart house juice knife light money night ocean paper plant "
    "queen river snake stone table tiger train water wheel world young"
)
LONG = words(
    "blanket captain diamond evening factory garbage holiday kitchen library machine network october package "
    "quarter rainbow station teacher umbrella village weather"
)
