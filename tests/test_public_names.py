"""The public names: what a plugin may import, pinned, so that a change of it is a decision."""

from __future__ import annotations

import inspect

import udasa_core

PUBLIC = {
    # the Python API
    "ConfigError", "SourceError", "UdasaError", "Run", "clean", "find_run", "limit_suites", "load",
    "names_source", "read_configuration", "run", "score", "work", "Probe", "probe",
    # experiments
    "Cost", "OpenRun", "Paired", "Sampled", "Scored", "Staged", "Steps", "run_experiment",
    # the contract
    "CONTRACT", "ComparedOptions", "LikelihoodOptions", "ModelKind", "Options", "Outlook", "Plugin",
    "RenderingOptions", "hookimpl",
    # what answers share
    "Answer", "AnswerWord", "agreements", "answer_to", "answer_words", "answered", "asks_yes_or_no",
    "final_answers", "same_answers", "same_word", "stance", "yes_and_no",
    # tables, and texts for a terminal
    "Change", "Interval", "SuiteWork", "Table", "TableColumn", "did_you_mean", "printable", "rounds_table",
    "suite_table", "transition_tables",
    # records
    "Abstain", "Adapter", "Column", "Event", "Grade", "Group", "Message", "Metric", "ModelRef", "Pair",
    "PairTable", "Pairing", "Part", "Prompt", "Unpaired", "Report", "Response", "Role", "SamplingOptions",
    "Score", "Scores", "Stage", "StagePlan", "SuiteReport", "content_key", "read_pairs",
    # resources
    "CausalLM", "Classifier", "Embedder", "Entailment", "Generator", "Judge", "Reader", "Resources",
    "Similarity", "log_odds", "preference_margins",
    "ThoughtBudget", "ThoughtClock", "TokenStatistics", "Sample", "bytes_of_sampling", "load_base",
    "load_causal_lm", "measured_group", "sample", "takes_slots", "told_statistics",
    # engines in other processes
    "end_work", "mark_fault", "marked",
    # files and folders that appear whole, locks, digests
    "file_digest", "flush_to_disk", "locked", "parse_json", "private_folder", "whole_file", "whole_folder",
    "without_places", "write_report", "write_whole",
    # parts of a response
    "MarkedAnswer", "final_answer", "marked_answers", "sentences", "without_opening", "WORD", "words",
    # models and token caches
    "CacheUse", "Canary", "amplified", "make_canaries",
    "branch_cache", "cache_use", "keeps_every_position", "last_logits", "load_classifier",
    "named_model", "refuse_longer", "resolve_encoder", "resolve_model",
    # rows and prompts of files and data sets
    "BadRow", "PromptSource", "ReadPrompt", "RowError", "SetAside", "prompts_digest", "read_prompts",
    "read_rows", "Recordings", "check_packed", "adapter_digest", "check_adapter", "check_adapter_files",
    "files_beside_weights", "model_digest", "row_id", "row_messages", "Labelled", "labelled",
    # a judge's text
    "RatingRule", "own_words", "rating",
    # trackers of figures
    "Tracker", "TrackerRun", "tracker_faults", "open_tracker", "tracking_folder",
    # figures with intervals
    "Resamples", "better_end", "student_interval",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(udasa_core.__all__) == PUBLIC


def test_each_public_name_is_there_and_documented() -> None:
    for name in udasa_core.__all__:
        value = getattr(udasa_core, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(udasa_core)
    for name in udasa_core.__all__:
        assert f"import {name} as {name}\n" in source
