"""udasa: align a language model with its own uncertainty. These are the public names, and nothing else is.

Names are loaded on first use, so that importing udasa_core stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from udasa_core.api import clean as clean
    from udasa_core.api import limit_suites as limit_suites
    from udasa_core.api import load as load
    from udasa_core.api import read_configuration as read_configuration
    from udasa_core.api import run as run
    from udasa_core.api import write_report as write_report
    from udasa_core.config.transitions import better_end as better_end
    from udasa_core.errors import ConfigError as ConfigError
    from udasa_core.errors import SourceError as SourceError
    from udasa_core.errors import UdasaError as UdasaError
    from udasa_core.experiments.conduct import run_experiment as run_experiment
    from udasa_core.experiments.cost import Cost as Cost
    from udasa_core.experiments.open_run import OpenRun as OpenRun
    from udasa_core.experiments.outputs import Paired as Paired
    from udasa_core.experiments.outputs import Sampled as Sampled
    from udasa_core.experiments.outputs import Scored as Scored
    from udasa_core.experiments.outputs import Staged as Staged
    from udasa_core.experiments.steps import Steps as Steps
    from udasa_core.export.places import without_places as without_places
    from udasa_core.files.digest import file_digest as file_digest
    from udasa_core.files.json_text import parse_json as parse_json
    from udasa_core.files.lock import locked as locked
    from udasa_core.files.private import private_folder as private_folder
    from udasa_core.files.whole import flush_to_disk as flush_to_disk
    from udasa_core.files.whole import whole_file as whole_file
    from udasa_core.files.whole import whole_folder as whole_folder
    from udasa_core.files.whole import write_whole as write_whole
    from udasa_core.hookspecs import CONTRACT as CONTRACT
    from udasa_core.hookspecs import hookimpl as hookimpl
    from udasa_core.job.worker import end_work as end_work
    from udasa_core.job.worker import work as work
    from udasa_core.models.adapter_fit import check_adapter as check_adapter
    from udasa_core.models.cache_use import CacheUse as CacheUse
    from udasa_core.models.cache_use import cache_use as cache_use
    from udasa_core.models.canary import Canary as Canary
    from udasa_core.models.canary import amplified as amplified
    from udasa_core.models.canary import make_canaries as make_canaries
    from udasa_core.models.causal_lm import CausalLM as CausalLM
    from udasa_core.models.causal_lm import TokenStatistics as TokenStatistics
    from udasa_core.models.causal_lm import load_causal_lm as load_causal_lm
    from udasa_core.models.causal_lm import told_statistics as told_statistics
    from udasa_core.models.held import bytes_of_sampling as bytes_of_sampling
    from udasa_core.models.kv_cache import branch_cache as branch_cache
    from udasa_core.models.kv_cache import keeps_every_position as keeps_every_position
    from udasa_core.models.last_logits import last_logits as last_logits
    from udasa_core.models.loading import load_base as load_base
    from udasa_core.models.measured import measured_group as measured_group
    from udasa_core.models.positions import refuse_longer as refuse_longer
    from udasa_core.models.resolve import resolve_encoder as resolve_encoder
    from udasa_core.models.resolve import resolve_model as resolve_model
    from udasa_core.models.sampler import Sample as Sample
    from udasa_core.models.sampler import sample as sample
    from udasa_core.models.slots import takes_slots as takes_slots
    from udasa_core.models.thought_budget import ThoughtBudget as ThoughtBudget
    from udasa_core.models.thought_budget import ThoughtClock as ThoughtClock
    from udasa_core.plugins.base import ModelKind as ModelKind
    from udasa_core.plugins.base import Options as Options
    from udasa_core.plugins.base import Plugin as Plugin
    from udasa_core.plugins.compared import ComparedOptions as ComparedOptions
    from udasa_core.plugins.compared import agreements as agreements
    from udasa_core.plugins.compared import answered as answered
    from udasa_core.plugins.compared import final_answers as final_answers
    from udasa_core.plugins.compared import same_answers as same_answers
    from udasa_core.plugins.compared import yes_and_no as yes_and_no
    from udasa_core.plugins.likelihood import LikelihoodOptions as LikelihoodOptions
    from udasa_core.plugins.outlook import Outlook as Outlook
    from udasa_core.plugins.rendering import RenderingOptions as RenderingOptions
    from udasa_core.probing.probe import Probe as Probe
    from udasa_core.probing.probe import probe as probe
    from udasa_core.prompts.labelled import Labelled as Labelled
    from udasa_core.prompts.labelled import labelled as labelled
    from udasa_core.prompts.prompt_row import RowError as RowError
    from udasa_core.prompts.prompt_row import row_id as row_id
    from udasa_core.prompts.prompt_row import row_messages as row_messages
    from udasa_core.prompts.read import PromptSource as PromptSource
    from udasa_core.prompts.read import ReadPrompt as ReadPrompt
    from udasa_core.prompts.read import SetAside as SetAside
    from udasa_core.prompts.read import prompts_digest as prompts_digest
    from udasa_core.prompts.read import read_prompts as read_prompts
    from udasa_core.prompts.recordings import Recordings as Recordings
    from udasa_core.prompts.rows import BadRow as BadRow
    from udasa_core.prompts.rows import read_rows as read_rows
    from udasa_core.records import Abstain as Abstain
    from udasa_core.records import Adapter as Adapter
    from udasa_core.records import Column as Column
    from udasa_core.records import Event as Event
    from udasa_core.records import Grade as Grade
    from udasa_core.records import Group as Group
    from udasa_core.records import Message as Message
    from udasa_core.records import Metric as Metric
    from udasa_core.records import ModelRef as ModelRef
    from udasa_core.records import Pair as Pair
    from udasa_core.records import Pairing as Pairing
    from udasa_core.records import PairTable as PairTable
    from udasa_core.records import Part as Part
    from udasa_core.records import Prompt as Prompt
    from udasa_core.records import Report as Report
    from udasa_core.records import Response as Response
    from udasa_core.records import Role as Role
    from udasa_core.records import SamplingOptions as SamplingOptions
    from udasa_core.records import Score as Score
    from udasa_core.records import Scores as Scores
    from udasa_core.records import Stage as Stage
    from udasa_core.records import StagePlan as StagePlan
    from udasa_core.records import SuiteReport as SuiteReport
    from udasa_core.records import Unpaired as Unpaired
    from udasa_core.records import content_key as content_key
    from udasa_core.report.table import Change as Change
    from udasa_core.report.table import Interval as Interval
    from udasa_core.report.table import Table as Table
    from udasa_core.report.table import TableColumn as TableColumn
    from udasa_core.report.transition_table import rounds_table as rounds_table
    from udasa_core.report.transition_table import transition_tables as transition_tables
    from udasa_core.resources.classifier import load_classifier as load_classifier
    from udasa_core.resources.comparing import log_odds as log_odds
    from udasa_core.resources.comparing import preference_margins as preference_margins
    from udasa_core.resources.named_model import named_model as named_model
    from udasa_core.resources.protocols import Classifier as Classifier
    from udasa_core.resources.protocols import Embedder as Embedder
    from udasa_core.resources.protocols import Entailment as Entailment
    from udasa_core.resources.protocols import Generator as Generator
    from udasa_core.resources.protocols import Judge as Judge
    from udasa_core.resources.protocols import Reader as Reader
    from udasa_core.resources.protocols import Resources as Resources
    from udasa_core.resources.protocols import Similarity as Similarity
    from udasa_core.running.scoring import score as score
    from udasa_core.running.suite_work import SuiteWork as SuiteWork
    from udasa_core.running.suite_work import suite_table as suite_table
    from udasa_core.sources.digests import adapter_digest as adapter_digest
    from udasa_core.sources.digests import check_adapter_files as check_adapter_files
    from udasa_core.sources.digests import model_digest as model_digest
    from udasa_core.sources.limits import check_packed as check_packed
    from udasa_core.sources.model_folder import files_beside_weights as files_beside_weights
    from udasa_core.sources.source import names_source as names_source
    from udasa_core.statistics.resampling import Resamples as Resamples
    from udasa_core.statistics.student import student_interval as student_interval
    from udasa_core.store.runs import Run as Run
    from udasa_core.store.runs import find_run as find_run
    from udasa_core.store.shared_disk import mark_fault as mark_fault
    from udasa_core.store.shared_disk import marked as marked
    from udasa_core.store.tables import read_pairs as read_pairs
    from udasa_core.text.answer import Answer as Answer
    from udasa_core.text.answer import answer_to as answer_to
    from udasa_core.text.answer_words import AnswerWord as AnswerWord
    from udasa_core.text.answer_words import answer_words as answer_words
    from udasa_core.text.answer_words import same_word as same_word
    from udasa_core.text.final_answer import MarkedAnswer as MarkedAnswer
    from udasa_core.text.final_answer import final_answer as final_answer
    from udasa_core.text.final_answer import marked_answers as marked_answers
    from udasa_core.text.final_answer import without_opening as without_opening
    from udasa_core.text.likeness import did_you_mean as did_you_mean
    from udasa_core.text.own_words import own_words as own_words
    from udasa_core.text.printable import printable as printable
    from udasa_core.text.rating import RatingRule as RatingRule
    from udasa_core.text.rating import rating as rating
    from udasa_core.text.sentences import sentences as sentences
    from udasa_core.text.stance import asks_yes_or_no as asks_yes_or_no
    from udasa_core.text.stance import stance as stance
    from udasa_core.text.words import WORD as WORD
    from udasa_core.text.words import words as words
    from udasa_core.trackers import Tracker as Tracker
    from udasa_core.trackers import TrackerRun as TrackerRun
    from udasa_core.trackers import open_tracker as open_tracker
    from udasa_core.trackers import tracker_faults as tracker_faults
    from udasa_core.trackers import tracking_folder as tracking_folder

_HOMES = {
    "api": ("clean", "limit_suites", "load", "read_configuration", "run", "write_report"),
    "config.transitions": ("better_end",),
    "errors": ("ConfigError", "SourceError", "UdasaError"),
    "experiments.conduct": ("run_experiment",),
    "experiments.cost": ("Cost",),
    "experiments.open_run": ("OpenRun",),
    "experiments.outputs": ("Paired", "Sampled", "Scored", "Staged"),
    "experiments.steps": ("Steps",),
    "export.places": ("without_places",),
    "files.digest": ("file_digest",),
    "files.json_text": ("parse_json",),
    "files.lock": ("locked",),
    "files.private": ("private_folder",),
    "files.whole": ("flush_to_disk", "whole_file", "whole_folder", "write_whole"),
    "hookspecs": ("CONTRACT", "hookimpl"),
    "job.worker": ("end_work", "work"),
    "models.adapter_fit": ("check_adapter",),
    "models.cache_use": ("CacheUse", "cache_use"),
    "models.canary": ("Canary", "amplified", "make_canaries"),
    "models.causal_lm": ("CausalLM", "TokenStatistics", "load_causal_lm", "told_statistics"),
    "models.kv_cache": ("branch_cache", "keeps_every_position"),
    "models.last_logits": ("last_logits",),
    "models.loading": ("load_base",),
    "models.measured": ("measured_group",),
    "models.positions": ("refuse_longer",),
    "models.held": ("bytes_of_sampling",),
    "models.sampler": ("Sample", "sample"),
    "models.slots": ("takes_slots",),
    "models.thought_budget": ("ThoughtBudget", "ThoughtClock"),
    "models.resolve": ("resolve_encoder", "resolve_model"),
    "plugins.base": ("ModelKind", "Options", "Plugin"),
    "plugins.compared": (
        "ComparedOptions",
        "agreements",
        "answered",
        "final_answers",
        "same_answers",
        "yes_and_no",
    ),
    "plugins.likelihood": ("LikelihoodOptions",),
    "plugins.outlook": ("Outlook",),
    "plugins.rendering": ("RenderingOptions",),
    "probing.probe": ("Probe", "probe"),
    "prompts.labelled": ("Labelled", "labelled"),
    "prompts.prompt_row": ("RowError", "row_id", "row_messages"),
    "prompts.read": ("PromptSource", "ReadPrompt", "SetAside", "prompts_digest", "read_prompts"),
    "prompts.recordings": ("Recordings",),
    "prompts.rows": ("BadRow", "read_rows"),
    "records": (
        "Abstain",
        "Adapter",
        "Column",
        "Event",
        "Grade",
        "Group",
        "Message",
        "Metric",
        "ModelRef",
        "Pair",
        "PairTable",
        "Part",
        "Pairing",
        "Prompt",
        "Report",
        "Response",
        "Role",
        "SamplingOptions",
        "Score",
        "Scores",
        "Stage",
        "StagePlan",
        "SuiteReport",
        "Unpaired",
        "content_key",
    ),
    "report.table": ("Change", "Interval", "Table", "TableColumn"),
    "report.transition_table": ("rounds_table", "transition_tables"),
    "resources.classifier": ("load_classifier",),
    "resources.comparing": ("log_odds", "preference_margins"),
    "resources.named_model": ("named_model",),
    "resources.protocols": (
        "Classifier",
        "Embedder",
        "Entailment",
        "Generator",
        "Judge",
        "Reader",
        "Resources",
        "Similarity",
    ),
    "running.scoring": ("score",),
    "running.suite_work": ("SuiteWork", "suite_table"),
    "sources.digests": ("adapter_digest", "check_adapter_files", "model_digest"),
    "sources.model_folder": ("files_beside_weights",),
    "sources.limits": ("check_packed",),
    "sources.source": ("names_source",),
    "statistics.resampling": ("Resamples",),
    "statistics.student": ("student_interval",),
    "store.runs": ("Run", "find_run"),
    "store.shared_disk": ("mark_fault", "marked"),
    "store.tables": ("read_pairs",),
    "text.answer": ("Answer", "answer_to"),
    "text.answer_words": ("AnswerWord", "answer_words", "same_word"),
    "text.final_answer": ("MarkedAnswer", "final_answer", "marked_answers", "without_opening"),
    "text.likeness": ("did_you_mean",),
    "text.own_words": ("own_words",),
    "text.printable": ("printable",),
    "text.rating": ("RatingRule", "rating"),
    "text.sentences": ("sentences",),
    "text.stance": ("asks_yes_or_no", "stance"),
    "text.words": ("WORD", "words"),
    "trackers": ("Tracker", "TrackerRun", "tracker_faults", "open_tracker", "tracking_folder"),
}
# Where each public name comes from.
HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in HOME_OF:
        raise AttributeError(f"module 'udasa_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"udasa_core.{HOME_OF[name]}"), name)
    globals()[name] = value
    return value
