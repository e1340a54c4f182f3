"""Our estimators against lm-polygraph 0.7.0 and uqlm 0.6.7, on the same inputs, in one process.

    python -m venv peers && . peers/bin/activate
    pip install torch==2.13.0                  # first, for the CPU build
    pip install lm-polygraph==0.7.0 transformers==5.23.0 numpy==2.4.6
    pip install --no-deps uqlm==0.6.7          # it pins transformers < 5 and numpy < 2, and runs without
    pip install numpy==2.4.6 langchain langchain-model-profiles optuna ipywidgets     # what else it imports
    pip install .
    python benchmarks/estimators.py

Ours go through their plugins, theirs through their own classes. Entailment comes twice: from a planted table
of random probabilities, which is exact, and from a small BERT, trained on the spot for seconds, which every
side loads and batches in its own way. Token log-probabilities are random; the embedder is the small BERT's
encoder. Where a definition differs by a known form (an order-keeping map, a factor, what a text's similarity
to itself is) the line says which form is compared. One line a comparison: name, the peer's class, the number
of values, the greatest difference, the verdict. Exits 1 where one is above 1e-6.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import small_entailment
import torch
from lm_polygraph.estimators import (
    LUQ,
    CocoaPPL,
    DegMat,
    Eccentricity,
    LexicalSimilarity,
    MaximumTokenProbability,
    NumSemSets,
    Perplexity,
    SemanticEntropy,
)
from lm_polygraph.stat_calculators.semantic_classes import SemanticClassesCalculator
from lm_polygraph.stat_calculators.semantic_matrix import SemanticMatrixCalculator
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from scoring import AnyModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from uqlm.black_box.consistency import ConsistencyScorer
from uqlm.black_box.cosine import CosineScorer
from uqlm.longform.luq.matched_unit import MatchedUnitScorer
from uqlm.longform.luq.unit_response import UnitResponseScorer
from uqlm.nli.nli import NLI
from uqlm.scorers.shortform.entropy import SemanticEntropy as ClusterEntropy
from uqlm.white_box.single_logprobs import SingleLogprobsScorer

from udasa_core import Group, Message, Prompt, sentences
from udasa_core.resources.shared import SharedResources
from udasa_plugin_factual.cocoa import CoCoA
from udasa_plugin_factual.evidence import Evidence
from udasa_plugin_factual.max_token import MaxToken
from udasa_plugin_factual.nll import NegativeLogLikelihood
from udasa_plugin_factual.selfcheck import SelfCheck
from udasa_plugin_factual.selfcheck_embedder import SelfCheckEmbedder
from udasa_plugin_semantic.cluster import Cluster
from udasa_plugin_semantic.degree import Degree
from udasa_plugin_semantic.eccentricity import Eccentricity as OurEccentricity
from udasa_plugin_semantic.lexical import Lexical

Floats = NDArray[np.float64]
Probabilities = Callable[[Sequence[tuple[str, str]]], Floats]
TOLERANCE = 1e-6
# What neither package defines, and why.
OURS_ALONE = {
    "semantic.agreement": "ours",
    "factual.p-true": "theirs ask (A) True or (B) False, or a chat model for a word; ours averages yes/no to "
    "a question and to its reverse",
    "factual.selfcheck-ngram": "in neither package",
    "value.*": "principles, classifiers and rewards are in neither package",
}


@dataclass(frozen=True)
class Entailed:
    """Groups, and the same entailment as each side takes it."""

    name: str
    groups: Sequence[Group]
    resources: SharedResources
    nli: NLI
    stats: dict[str, Any]  # lm-polygraph's

    @property
    def texts(self) -> list[list[str]]:
        return [[response.text for response in group.responses] for group in self.groups]

    @property
    def others(self) -> tuple[list[str], list[list[str]]]:
        """uqlm's form: each response, and the other responses of its prompt."""
        pairs = [(text, [*some[:at], *some[at + 1 :]]) for some in self.texts for at, text in enumerate(some)]
        return [text for text, _ in pairs], [rest for _, rest in pairs]

    @property
    def reconciled(self) -> Floats:
        """lm-polygraph's (prompts, K, K) entailment, with 1 where texts are equal, as with us."""
        equal = np.array([[[a == b for b in some] for a in some] for some in self.texts])
        return np.where(equal, 1.0, self.stats["semantic_matrix_entail"]).astype(np.float64)


class PlantedResources(SharedResources):
    """Resources whose entailment is a table."""

    def __init__(self, probabilities: Probabilities) -> None:
        # The reference is never loaded: it says that the run has an entailment model.
        super().__init__({"entailment": small_entailment.ref(Path())}, Path(), lambda event: None)
        self.probabilities = probabilities

    def entailment(self) -> PlantedResources:
        return self


class PlantedNLI(NLI):
    """uqlm's NLI, whose model is a table; everything above the model is theirs."""

    def __init__(self, probabilities: Probabilities) -> None:
        self.label_mapping = ["contradiction", "neutral", "entailment"]
        self.probabilities: dict[tuple[str, str], Floats] = {}
        self._table = probabilities

    def predict_batch(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        return self._table(pairs)


def planted(name: str, groups: Sequence[Group], blocks: bool, neutral: bool) -> Entailed:
    """Return random probabilities for any pair of texts, the same for the same pair.

    blocks: texts fall into random meanings, entailed both ways within and in no way across; else entailment
    is as chance will have it, and seldom transitive. neutral: whether there is a neutral label.
    """
    kinds = 3 if neutral else 2

    def one(pair: tuple[str, str]) -> list[float]:
        draw = random.Random(repr(pair))
        shares = [draw.expovariate(1.0) for _ in range(kinds)]
        if blocks:
            meanings = [random.Random(text).randrange(3) for text in pair]
            likeliest = kinds - 1 if meanings[0] == meanings[1] else draw.randrange(kinds - 1)
            shares[likeliest] = max(shares) + 0.1
        if pair[0] == pair[1]:
            shares[-1] = max(shares) + 0.1
        whole = [value / sum(shares) for value in shares]
        return whole if neutral else [whole[0], 0.0, whole[1]]

    def table(pairs: Sequence[tuple[str, str]]) -> Floats:
        return np.array([one(pair) for pair in pairs], dtype=np.float64).reshape(-1, 3)

    texts = [[response.text for response in group.responses] for group in groups]
    read = np.stack([table([(a, b) for a in some for b in some]).reshape(len(some), -1, 3) for some in texts])
    stats = {
        "semantic_matrix_entail": read[..., 2],
        "semantic_matrix_contra": read[..., 0],
        "semantic_matrix_entail_logits": np.log(read[..., 2]),
        "semantic_matrix_contra_logits": np.log(read[..., 0]),
        "semantic_matrix_classes": read.argmax(axis=-1),
        "entailment_id": 2,
    }
    return Entailed(name, groups, PlantedResources(table), PlantedNLI(table), stats)


def modelled(folder: Path, groups: Sequence[Group]) -> Entailed:
    """Return a model's entailment, which every side loads for itself."""
    texts = [[response.text for response in group.responses] for group in groups]
    stats = SemanticMatrixCalculator(AnyModel(str(folder), device="cpu"))({"sample_texts": texts}, [], None)
    resources = SharedResources({"entailment": small_entailment.ref(folder)}, folder, lambda event: None)
    return Entailed("a small BERT", groups, resources, NLI(nli_model_name=str(folder), device="cpu"), stats)


def scored(
    factory: type[Any], groups: Sequence[Group], resources: SharedResources | None, **options: object
) -> Floats:
    """Return our dimension's (prompts, K) scores."""
    plugin = factory(factory.Options(**options), "compared", resources)
    return np.array(plugin.udasa_score(groups, 0).scores, dtype=np.float64)


# Each comparison: what is ours and in which form, the peer's class, our values, theirs.
Compared = tuple[str, str, Any, Any]


def by_matrix(case: Entailed) -> Iterator[Compared]:
    """Yield what is defined on pairwise entailment."""
    count = len(case.groups[0].responses)
    degree = scored(Degree, case.groups, case.resources)
    stats = {"sample_texts": case.texts, "semantic_matrix_entail": case.reconciled}
    yield (
        "semantic.degree, mean over the prompt × (K−1)/K",
        "lm-polygraph DegMat, equal texts as 1",
        degree.mean(axis=1) * (count - 1) / count,
        DegMat()(stats),
    )
    own = np.array([[[a == b for b in some] for a in some] for some in case.texts])
    raw = case.stats["semantic_matrix_entail"].astype(np.float64)
    lost = np.where(own, 1 - (raw + raw.transpose(0, 2, 1)) / 2, 0.0).sum(axis=(1, 2)) / count**2
    yield (
        "semantic.degree, the same + what the model says of equal texts",
        "lm-polygraph DegMat, as it is",
        degree.mean(axis=1) * (count - 1) / count + lost,
        DegMat()({"sample_texts": case.texts, **case.stats}),
    )
    responses, others = case.others
    scorer = ConsistencyScorer(nli=case.nli, scorers=["entailment"])
    told = scorer.evaluate(responses=list(responses), sampled_responses=[list(some) for some in others])
    yield (
        "semantic.degree",
        "uqlm ConsistencyScorer (1 − entailment)",
        degree,
        1 - _rows(told["entailment"], count),
    )
    eccentricity = scored(OurEccentricity, case.groups, case.resources)
    yield (
        "semantic.eccentricity, norm over the prompt",
        "lm-polygraph Eccentricity, equal texts as 1",
        np.linalg.norm(eccentricity, axis=1),
        Eccentricity()(stats),
    )
    similarity = (case.reconciled + case.reconciled.transpose(0, 2, 1)) / 2
    off = ~np.eye(count, dtype=bool)
    flat = [response for group in case.groups for response in group.responses]
    yield (
        "factual.cocoa, −ln(1 − u)",
        "lm-polygraph CocoaPPL, similarity as ours",
        -np.log1p(-scored(CoCoA, case.groups, case.resources)).ravel(),
        CocoaPPL()(
            {
                "greedy_log_likelihoods": [response.logprobs for response in flat],
                "greedy_sentence_similarity": [
                    row[off[at]] for one in similarity for at, row in enumerate(one)
                ],
            }
        ),
    )


def by_cluster(case: Entailed) -> Iterator[Compared]:
    """Yield what is defined on clusters, over the prompts where clusters do not depend on the order."""
    texts = case.texts
    count = len(texts[0])
    scores = scored(Cluster, case.groups, case.resources)
    read = case.stats["semantic_matrix_classes"]
    entailed = read == case.stats["entailment_id"]
    both, either = entailed & entailed.transpose(0, 2, 1), entailed | entailed.transpose(0, 2, 1)
    equal = np.array([[[a == b for b in some] for a in some] for some in texts])
    same = both | equal
    chosen = np.array([np.array_equal(one @ one, one) for one in same])
    # It asks the model of equal texts, too, and parts them where the model denies them.
    stats = {**case.stats, "semantic_matrix_classes": np.where(equal, case.stats["entailment_id"], read)}
    classes = SemanticClassesCalculator()({**stats, "sample_texts": texts}, [], None)
    found = SemanticEntropy(class_probability_estimation="frequency")({"sample_texts": texts, **classes})
    entropies = scores.mean(axis=1) * math.log(count)
    yield (
        f"semantic.cluster, mean × ln K = discrete semantic entropy ({chosen.sum()} of {len(texts)} prompts)",
        "lm-polygraph SemanticEntropy, frequency, equal texts as entailed",
        entropies[chosen],
        found[chosen],
    )
    # It takes entailment in one direction for enough.
    chosen &= ((either | equal) == same).all(axis=(1, 2))
    told = ClusterEntropy(nli=case.nli, use_best=False, prompts_in_nli=False).score(
        responses=[some[0] for some in texts],
        sampled_responses=[some[1:] for some in texts],
        show_progress_bars=False,
    )
    yield (
        f"semantic.cluster, mean × ln K ({chosen.sum()} of {len(texts)} prompts)",
        "uqlm SemanticEntropy, discrete",
        entropies[chosen],
        np.array(told.data["discrete_entropy_values"])[chosen],
    )
    yield (
        f"semantic.cluster, mean ({chosen.sum()} of {len(texts)} prompts)",
        "uqlm SemanticEntropy (1 − discrete confidence)",
        scores.mean(axis=1)[chosen],
        1 - np.array(told.data["discrete_confidence_scores"])[chosen],
    )


def by_component(case: Entailed) -> Iterator[Compared]:
    """Yield the number of connected components, where no label but two makes it the same condition."""
    count = len(case.groups[0].responses)
    sizes = np.exp((1 - scored(Cluster, case.groups, case.resources)) * math.log(count))
    stats = {"sample_texts": case.texts, **case.stats}
    yield (
        "semantic.cluster, Σ 1/|C(i)| = the number of clusters (two labels)",
        "lm-polygraph NumSemSets",
        (1 / sizes).sum(axis=1),
        NumSemSets()(stats),
    )


def by_sentence(case: Entailed) -> Iterator[Compared]:
    """Yield what is defined on entailment of sentences."""
    count = len(case.groups[0].responses)
    responses, others = case.others
    claims = [sentences(text) for text in responses]
    scorer = UnitResponseScorer.__new__(UnitResponseScorer)
    scorer.nli, scorer.matched_claim = case.nli, False  # their constructor would load a model
    read = scorer.evaluate(claim_sets=claims, sampled_responses=others).contrasted_entailment_score_lists
    for over, pick in (("mean", np.mean), ("max", np.max)):
        yield (
            f"factual.selfcheck, {over} over sentences",
            "uqlm UnitResponseScorer (1 − contrasted entailment)",
            scored(SelfCheck, case.groups, case.resources, over=over),
            _rows([pick(1 - one.mean(axis=1)) for one in read], count),
        )
    passages = [group.prompt.passages for group in case.groups for _ in group.responses]
    matched = MatchedUnitScorer(consistency_functions=[])
    matched.nli = case.nli
    read = matched.evaluate(claim_sets=claims, sampled_claim_sets=[[list(some)] for some in passages])
    yield (
        "factual.evidence",
        "uqlm MatchedUnitScorer (1 − entailment), passages as the units",
        scored(Evidence, case.groups, case.resources),
        _rows([1 - one.mean() for one in read.entailment_score_lists], count),
    )


def by_single_sentence(case: Entailed) -> Iterator[Compared]:
    """Yield self-check of responses of one sentence, which is LUQ without splitting."""
    yield (
        "factual.selfcheck, mean over the prompt (one sentence each)",
        "lm-polygraph LUQ",
        scored(SelfCheck, case.groups, case.resources).mean(axis=1),
        LUQ()(case.stats),
    )


def by_words(groups: Sequence[Group]) -> Iterator[Compared]:
    """Yield lexical similarity, for each response against each other one."""
    scores = scored(Lexical, groups, None)
    count = scores.shape[1]
    texts = [[response.text for response in group.responses] for group in groups]
    plain = LexicalSimilarity("rougeL")
    plain.scorer = RougeScorer(["rougeL"], use_stemmer=False)
    yield (
        "semantic.lexical, mean over the prompt",
        "lm-polygraph LexicalSimilarity rougeL (1 + u), stemmer off",
        scores.mean(axis=1),
        1 + plain({"sample_texts": texts}),
    )
    pairs = [[some[i], some[j]] for some in texts for i in range(count) for j in range(count) if i != j]
    yield (
        "semantic.lexical",
        "lm-polygraph LexicalSimilarity rougeL, stemmer off, two texts at a time",
        scores,
        _rows(1 + plain({"sample_texts": pairs}), count - 1).mean(axis=1).reshape(scores.shape),
    )
    stemmed = LexicalSimilarity("rougeL")
    tokens = stemmed.scorer._tokenizer.tokenize
    bare = [[" ".join(tokens(text)) for text in some] for some in texts]
    # Stems may have stems of their own: until nothing is left to stem.
    while any(" ".join(tokens(text)) != text for some in bare for text in some):
        bare = [[" ".join(tokens(text)) for text in some] for some in bare]
    draw = random.Random(0)
    stems = [
        Group(group.prompt, (1,), tuple(small_entailment.response(text, draw) for text in some), "policy")
        for group, some in zip(groups, bare, strict=True)
    ]
    yield (
        "semantic.lexical, mean over the prompt, of texts already stemmed",
        "lm-polygraph LexicalSimilarity rougeL (1 + u), as it is",
        scored(Lexical, stems, None).mean(axis=1),
        1 + stemmed({"sample_texts": bare}),
    )


def by_token(groups: Sequence[Group]) -> Iterator[Compared]:
    """Yield what is defined on token log-probabilities."""
    flat = [list(response.logprobs) for group in groups for response in group.responses]
    nll, most = scored(NegativeLogLikelihood, groups, None).ravel(), scored(MaxToken, groups, None).ravel()
    yield (
        "factual.nll, −ln(1 − u)",
        "lm-polygraph Perplexity",
        -np.log1p(-nll),
        Perplexity()({"greedy_log_likelihoods": flat}),
    )
    # It leaves out the last token, which with us counts: one is added for it to leave out.
    surprises = MaximumTokenProbability()({"greedy_log_likelihoods": [[*some, 0.0] for some in flat]})
    yield (
        "factual.max-token, −ln(1 − u)",
        "lm-polygraph MaximumTokenProbability, its maximum, last token included",
        -np.log1p(-most),
        np.array([one.max() for one in surprises]),
    )
    told = SingleLogprobsScorer().evaluate([[{"logprob": value} for value in some] for some in flat])
    yield (
        "factual.nll",
        "uqlm SingleLogprobsScorer (1 − sequence_probability)",
        nll,
        1 - np.array(told["sequence_probability"]),
    )
    yield (
        "factual.max-token",
        "uqlm SingleLogprobsScorer (1 − min_probability)",
        most,
        1 - np.array(told["min_probability"]),
    )


def by_embedding(folder: Path, groups: Sequence[Group]) -> Iterator[Compared]:
    """Yield what is defined on cosines; theirs is ½ + ½ cos, ours 1 − cos, negative cosines as 0."""
    resources = SharedResources({"embedder": small_entailment.ref(folder)}, folder, lambda event: None)
    count = len(groups[0].responses)
    texts = [[response.text for response in group.responses] for group in groups]
    pairs = [(text, [*some[:at], *some[at + 1 :]]) for some in texts for at, text in enumerate(some)]
    cosine = CosineScorer(transformer=str(folder))
    cosine.evaluate(responses=[text for text, _ in pairs], sampled_responses=[rest for _, rest in pairs])
    yield (
        "semantic.degree by embedder",
        "uqlm CosineScorer, 2 (1 − score), scores below ½ as ½",
        scored(Degree, groups, resources),
        _rows([2 * (1 - np.maximum(one, 0.5).mean()) for one in cosine.pair_scores], count),
    )
    matched = MatchedUnitScorer(consistency_functions=[])
    matched.cosine_scorer = cosine
    read = matched.evaluate(
        claim_sets=[sentences(text) for text, _ in pairs],
        sampled_claim_sets=[[sentences(text) for text in rest] for _, rest in pairs],
    )
    yield (
        "factual.selfcheck-embedder",
        "uqlm MatchedUnitScorer, cosine_sim, 2 (1 − score), scores below ½ as ½",
        scored(SelfCheckEmbedder, groups, resources),
        _rows([2 * (1 - np.maximum(one, 0.5).mean()) for one in read.cosine_similarity_lists], count),
    )


def _rows(values: Sequence[float] | Floats, count: int) -> Floats:
    return np.array(values, dtype=np.float64).reshape(-1, count)


def with_passages(groups: Sequence[Group]) -> list[Group]:
    """Return the groups, their prompts with three passages from other prompts' responses."""
    made = []
    for at, group in enumerate(groups):
        passages = tuple(groups[(at + step) % len(groups)].responses[0].text for step in (1, 2, 3))
        prompt = Prompt(group.prompt.id, (Message("user", "Why?"),), passages)
        made.append(Group(prompt, (1,), group.responses, "policy"))
    return made


def one_sentence(groups: Sequence[Group]) -> list[Group]:
    """Return the groups with each response's first sentence alone."""
    draw = random.Random(0)
    return [
        Group(
            group.prompt,
            (1,),
            tuple(small_entailment.response(sentences(one.text)[0], draw) for one in group.responses),
            "policy",
        )
        for group in groups
    ]


def save_encoder(folder: Path, encoder: Path) -> None:
    """Save a classifier's encoder as a sentence-transformers folder."""
    from transformers import AutoModel, AutoTokenizer

    plain = encoder / "plain"
    AutoModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(plain)
    AutoTokenizer.from_pretrained(folder).save_pretrained(plain)
    transformer = Transformer(str(plain))
    SentenceTransformer(modules=[transformer, Pooling(64, pooling_mode="mean")], device="cpu").save(
        str(encoder)
    )


def main() -> int:
    torch.set_num_threads(1)
    groups = with_passages(small_entailment.groups(32, 6, repeats=0.2, seed=0))
    worst = 0.0

    def told(title: str, found: Iterator[Compared]) -> None:
        nonlocal worst
        print(f"\n{title}")
        for name, peer, ours, theirs in found:
            ours, theirs = np.asarray(ours, dtype=np.float64).ravel(), np.asarray(theirs).ravel()
            if not len(ours) or ours.shape != theirs.shape:
                raise SystemExit(f"{name}: {ours.shape} values of ours, {theirs.shape} of theirs")
            apart = float(np.abs(ours - theirs).max())
            worst = max(worst, math.inf if math.isnan(apart) else apart)
            verdict = "equal" if apart <= TOLERANCE else "DIFFERS"
            print(f"  {name}  |  {peer}  |  n={len(ours)}  max {apart:.1e}  {verdict}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder, encoder = Path(name) / "entailment", Path(name) / "encoder"
        accuracy = small_entailment.train(folder, layers=2, hidden=64, steps=400, rate=2e-3)
        save_encoder(folder, encoder)
        print(f"a BERT of 2 layers, accuracy {accuracy:.2f} on fresh pairs (chance .33)")
        chance = planted("random probabilities", groups, blocks=False, neutral=True)
        blocks = planted("random meanings", groups, blocks=True, neutral=True)
        model = modelled(folder, groups)
        for case in (chance, blocks, model):
            told(f"Entailment from {case.name}, pair by pair", by_matrix(case))
            told(f"Entailment from {case.name}, sentence by sentence", by_sentence(case))
        two = planted("random probabilities, two labels", groups, blocks=False, neutral=False)
        told(f"Entailment from {two.name}", by_component(two))
        # One sentence a response: what the small BERT was trained on, and LUQ without splitting.
        short = one_sentence(groups)
        chance, model = planted(chance.name, short, blocks=False, neutral=True), modelled(folder, short)
        for case in (chance, model):
            told(f"Entailment from {case.name}, responses of one sentence", by_single_sentence(case))
        for case in (blocks, model):
            told(f"Entailment from {case.name}, clusters", by_cluster(case))
        told("Words", by_words(groups))
        told("Token log-probabilities", by_token(groups))
        told("Embeddings", by_embedding(encoder, groups))
    print("\nOurs without a peer's definition")
    for dimension, reason in OURS_ALONE.items():
        print(f"  {dimension}: {reason}")
    print(f"\nthe greatest difference is {worst:.1e}; allowed is {TOLERANCE:.0e}")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
