"""One command, `udasa`. What a subcommand does is a call of the Python API, imported when it is typed."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from udasa_core.cli.command import Root, say
from udasa_core.cli.experiment import Experiments
from udasa_core.cli.typed import UNITS, Memory, refuse_idle
from udasa_core.config.recipes import DEFAULT, Task, recipes

if TYPE_CHECKING:
    from udasa_core.config.parse import PluginTable
    from udasa_core.store.runs import Run

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_set = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key: generator.responses=4, or dimension.NAME.weight=0.5. May be repeated.",
)
_runs = click.option(
    "--folder", type=_FOLDER, default=Path("runs"), show_default=True, help="Where runs lie."
)


@click.group(cls=Root, context_settings=_SETTINGS)
@click.version_option(package_name="udasa", message="udasa %(version)s")
def main() -> None:
    """Align a language model with its own uncertainty.

    `udasa run` alone aligns a small model on 24 prompts; `udasa init` writes a configuration to start from.
    """
    # Our bars stand for theirs: those of libraries are drawn in pipes, too. Whoever sets these is obeyed.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not sys.warnoptions:
        # What libraries deprecate among themselves is not for the user to mend.
        warnings.simplefilter("ignore", FutureWarning)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A terminal that cannot show "→" shows "?" instead of an error.
            reconfigure(errors="replace")


@main.command(short_help="Write an annotated configuration.")
@click.argument("file", type=_FILE, default=Path("udasa.toml"))
@click.option(
    "--recipe", type=click.Choice(tuple(recipes())), help=f"The recipe to start from.  [default: {DEFAULT}]"
)
@click.option("--model", metavar="SOURCE", help="Your model: hf:owner/name, a folder, a GGUF.")
@click.option("--prompts", metavar="SOURCE", help="Your prompts: a file, or hf:owner/name.")
@click.option(
    "--gpu",
    type=Memory(),
    metavar="GIB",
    help="Memory of the GPU that it is to fit into.  [default: this machine's]",
)
@click.option(
    "--task", type=click.Choice(get_args(Task)), help="What the prompts ask for; it chooses the recipe."
)
@_set
@click.option("--force", is_flag=True, help="Replace the file.")
def init(
    file: Path,
    recipe: str | None,
    model: str | None,
    prompts: str | None,
    gpu: float | None,
    task: Task | None,
    overrides: tuple[str, ...],
    force: bool,
) -> None:
    """Write an annotated configuration to FILE (udasa.toml): a recipe with every key explained.

    With --model, --prompts, --gpu or --task it is fitted to these: the prompts' layout is found out, and bits
    and batches are chosen by computed memory. Nothing of a model is fetched.

    \b
    measured    what gained most on labelled questions; for prompts with short answers
    8b          measured for 7 to 8 billion parameters on one GPU; nothing of it measured
    open        for prompts without one: towards kind and careful answers; no gain measured
    paper       the method as it was described: three dimensions, DPO; for comparison
    quickstart  what `udasa run` runs without a file: measured, for 24 prompts

    \b
    --task facts   measured, or above a billion parameters 8b
    --task open    open
    --task safety  open, with all weight on its dimension of harm
    """
    if gpu and file.name.lower() in UNITS:
        raise click.UsageError(
            f"{file} would be the file's name: write --gpu {gpu:g} alone, or --gpu {gpu:g}{file}"
        )
    if any(given is not None for given in (model, prompts, gpu, task)) or overrides:
        from udasa_core.check.fitted import Wish, write_fitted
        from udasa_core.cli.console import console_progress

        wish = Wish(model, prompts, gpu, task, recipe, overrides)
        for told in write_fitted(file, wish, force=force, progress=console_progress()):
            say(told)
    else:
        from udasa_core.check.annotated import write_annotated

        write_annotated(file, recipe or DEFAULT, force=force)
    say(f"wrote {file}; next: udasa check {file}")


@main.command(short_help="Check a configuration; print stack, plan and estimate.")
@click.argument("config", type=_FILE)
@_set
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Check CONFIG whole, and print the stack, the plan and an estimate. Nothing is run or written."""
    from udasa_core.api import load
    from udasa_core.check.admitted import refused_note
    from udasa_core.check.estimate import estimate, estimate_table
    from udasa_core.check.limits import limit_notes
    from udasa_core.check.model_list import model_table
    from udasa_core.check.overlap import overlap_table, overlaps
    from udasa_core.check.plan import plan_table, stack_table
    from udasa_core.check.remade import remade_table
    from udasa_core.check.split import split_notes
    from udasa_core.check.suite_list import suites_asked
    from udasa_core.check.terms import terms_notes
    from udasa_core.check.turns import policy_told
    from udasa_core.check.unasked import unasked, verdict
    from udasa_core.cli.console import console_progress
    from udasa_core.errors import ConfigError, Fault
    from udasa_core.plugins.catalog import read_catalog
    from udasa_core.plugins.stack import cautions, chosen_plugins
    from udasa_core.running.budgets import budget_faults
    from udasa_core.running.memory import context_faults
    from udasa_core.running.preflight import preflight

    checked, catalog = load(config, overrides), read_catalog()
    for table in (stack_table(checked, catalog), plan_table(checked, catalog)):
        say(f"{table}\n")
    chosen = chosen_plugins(checked, catalog)
    with console_progress()("asking the tokenizer", None):
        policy = policy_told(checked)
    # Where no response fits beside any prompt, it is not the prompts that are refused.
    refused = {} if list(context_faults(checked, chosen)) else policy.refused
    say(f"{estimate_table(estimate(checked, catalog, console_progress(), refused))}\n")
    say(f"{model_table(checked, catalog)}\n")
    suites = suites_asked(checked, catalog)
    if suites is not None:
        say(f"{suites.table}\n")
    remade = remade_table(checked, catalog)
    if remade is not None:
        say(f"{remade}\n")
    found, untold = overlaps(checked, catalog, console_progress())
    if found:
        say(f"{overlap_table(found)}\n")
    faults, silent = preflight(checked, catalog, chosen)
    faults += [Fault(place, told) for place, told in policy.faults.items()]
    faults += budget_faults(chosen, policy.context) if policy.context else []
    faults += suites.faults if suites is not None else []
    notes = (*cautions(checked, catalog), *terms_notes(checked), *untold, *policy.notes)
    notes = (*notes, *refused_note(checked, policy.asked, refused))
    notes = (*notes, *split_notes(checked, catalog, refused), *limit_notes(checked, catalog, suites))
    left = (*unasked(checked, catalog, suites), *policy.unasked, *silent)
    for told in (*notes, *(left if faults else ())):
        say(f"note: {told}")
    if faults:
        raise ConfigError(faults, str(config))
    say(verdict(str(config), left))


@main.command(short_help="Ask some prompts first: is the run worth it?")
@click.argument("config", type=_FILE, required=False)
@_set
@click.option(
    "--prompts",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="At least so many, by shards.",
)
@click.option(
    "--data",
    type=_FILE,
    help="Labelled responses to some of them: JSONL of prompt, responses, labels.",
)
@click.option("--json", "as_json", is_flag=True, help="The same figures as JSON.")
def probe(
    config: Path | None, overrides: tuple[str, ...], prompts: int, data: Path | None, as_json: bool
) -> None:
    """Sample, score and pair some prompts of CONFIG (the bundled quickstart, if left out), twice, and say
    whether to train, what to change first, or not to. Nothing is trained; `udasa run` takes over what it can.
    """
    from udasa_core.probing.probe import probe as ask

    found = ask(config, overrides, prompts=prompts, data=data)
    if as_json:
        import json

        from udasa_core.text.printable import printable_json

        click.echo(printable_json(json.dumps(found.plain(), indent=1, ensure_ascii=False)))
        return
    from udasa_core.probing.tables import tables

    for table in tables(found):
        say(f"{table}\n")
    second = "" if found.draws is None else ", and nothing of the second draw"
    say(
        "udasa run takes over what the first draw sampled and scored; calibration, U and pairs it makes "
        f"of all\nprompts{second}. What was asked, and its pairs: udasa show {found.name} --pairs 3"
    )


@main.command(short_help="Align a model, or continue doing so.")
@click.argument("config", type=_FILE, required=False)
@_set
@click.option(
    "--keep-samples",
    is_flag=True,
    help="Take samples that other versions of udasa, a plugin or a library made; the report says so.",
)
@click.option("--report", is_flag=True, help="Write its page, report.html in its folder, anew as it goes.")
def run(config: Path | None, overrides: tuple[str, ...], keep_samples: bool, report: bool) -> None:
    """Align the model of CONFIG (the bundled quickstart, if left out), or continue doing so."""
    from udasa_core.api import run as align

    made = align(config, overrides, keep_samples=keep_samples, report=report)
    from udasa_core.page.keeper import REPORT
    from udasa_core.report.show import near

    where = near(made.folder)
    if not made.made:
        say(f"nothing to do: {where} holds all that this configuration asks for; see: udasa show {where}")
    else:
        _print_tables(made, artifacts=False)
        say(f"The run lies in {where}. Next: udasa show {where}, or udasa export {where} --model FOLDER")
    if report:
        say(near(made.folder / REPORT))


@main.group(cls=Experiments, short_help="Measure the method: signal, consistency, premise.")
def experiment() -> None:
    """Measure something with the pipeline's own steps. What is installed, from whatever distribution:"""


@main.command(short_help="List what is installed.")
@click.argument("config", type=_FILE, required=False)
@click.option("--verify", is_flag=True, help="Import each in a process of its own, and report what breaks.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds a plugin."
)
def plugins(config: Path | None, verify: bool, timeout: float) -> None:
    """List what is installed; with CONFIG also what it selects, and what that shadows."""
    from udasa_core.check.plugin_list import listed, plugin_table
    from udasa_core.plugins.catalog import read_catalog

    refuse_idle(timeout="" if verify else "it is of --verify")
    selected: tuple[PluginTable, ...] = ()
    root = None
    if config is not None:
        from udasa_core.config.parse import parse_config
        from udasa_core.config.toml_text import read_toml

        root = config.parent.resolve()
        selected = parse_config(read_toml(config), root=root, origin=str(config)).plugins()
    rows = listed(read_catalog(), selected)
    if not verify:
        say(plugin_table(rows, states=config is not None))
        return
    from udasa_core.check.plugin_list import verified
    from udasa_core.cli.console import console_progress
    from udasa_core.plugins.verify import verify as verify_all

    offers = [row.offer for row in rows]
    verdicts = verify_all(offers, root=root, timeout=timeout, progress=console_progress())
    broken = sum(bool(verdict.problem) for verdict in verdicts)
    say(plugin_table(verified(rows, verdicts), states=config is not None))
    say(f"\n{len(verdicts) - broken} of {len(verdicts)} plugins import and keep a factory's contract")
    if broken:
        raise click.exceptions.Exit(1)


@main.command(short_help="Show the figures of a run.")
@click.argument("name", metavar="RUN")
@_runs
@click.option("--json", "as_json", is_flag=True, help="The same figures as JSON.")
@click.option("--pairs", type=click.IntRange(min=1), metavar="N", help="Print N pairs of each stage instead.")
@click.option(
    "--sort",
    type=click.Choice(["gap", "U", "length"]),
    help="Of --pairs: N of all, the narrowest gap, the highest U(chosen), or the longest first.",
)
@click.option("--reverse", is_flag=True, help="Of --sort: the other end first.")
@click.option("--id", "identity", metavar="ID", help="Print the pairs of this id, a pair's or a prompt's.")
@click.option("--unpaired", is_flag=True, help="Print what is not trained on, and why.")
def show(
    name: str,
    folder: Path,
    as_json: bool,
    pairs: int | None,
    sort: Literal["gap", "U", "length"] | None,
    reverse: bool,
    identity: str | None,
    unpaired: bool,
) -> None:
    """Show the figures of RUN (its folder or name), and where everything lies; pairs; or what gave none."""
    from udasa_core.store.runs import find_run

    chosen = [("--json", as_json), ("--pairs", pairs), ("--id", identity), ("--unpaired", unpaired)]
    ways = [option for option, value in chosen if value]
    if len(ways) > 1:
        raise click.UsageError(f"{' and '.join(ways)} are {len(ways)} ways to print; choose one")
    if (sort and not pairs) or (reverse and not sort):
        raise click.UsageError("--sort orders what --pairs N prints, and --reverse what --sort orders")
    found = find_run(name, folder)
    if pairs or identity:
        from udasa_core.report.pair_texts import pair_texts, sorted_pair_texts, texts_of

        if identity:
            texts = texts_of(found, identity)
        elif pairs and sort:
            texts = sorted_pair_texts(found, pairs, sort, is_reversed=reverse)
        else:
            texts = pair_texts(found, pairs or 1)
        for text in texts:
            say(f"{text}\n")
    elif unpaired:
        from udasa_core.report.left_out import left_out

        for line in left_out(found):
            say(line)
    elif as_json:
        import json

        from udasa_core.report.figures import figures
        from udasa_core.text.printable import printable_json

        click.echo(printable_json(json.dumps(figures(found), indent=1, ensure_ascii=False)))
    else:
        _print_tables(found, artifacts=True)


@main.command(short_help="Write a run's page, to be read in a browser.")
@click.argument("names", metavar="RUN [RUN …]", nargs=-1, required=True)
@_runs
@click.option("--out", type=_FILE, metavar="FILE", help="The page; default, report.html in the run's folder.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in a browser.")
@click.option("--no-texts", is_flag=True, help="Leave prompts, responses and answers out.")
@click.option("--figures", type=_FOLDER, metavar="DIR", help="Write each chart as SVG, PDF and CSV, too.")
def report(
    names: tuple[str, ...],
    folder: Path,
    out: Path | None,
    is_opened: bool,
    no_texts: bool,
    figures: Path | None,
) -> None:
    """Write the page of RUN (its folder or name), or of an evaluation; of several RUNs, their comparison.

    One HTML file that opens anywhere, without a network: verdict, pairs, stages, answers before and after,
    uncertainty, suites, provenance.
    """
    from udasa_core.api import write_report
    from udasa_core.page.keeper import REPORT
    from udasa_core.report.show import near
    from udasa_core.store.runs import find_measured

    found = [find_measured(name, folder) for name in names]
    if len({run.folder.resolve() for run in found}) < len(found):
        raise click.UsageError("to compare runs, name each once")
    together = Path(f"report-{'-'.join(run.folder.name for run in found)}.html")
    path = out or (found[0].folder / REPORT if len(found) == 1 else together)
    written = write_report(found, path, texts=not no_texts, figures=figures)
    for file in written[1:]:
        say(near(file))
    say(near(path))
    if is_opened:
        click.launch(path.resolve().as_uri())


@main.command(short_help="List runs, or compare two.")
@click.argument("names", metavar="[RUN RUN]", nargs=-1)
@_runs
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def runs(names: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """List the runs of a folder with status, model, pairs and figures; or compare two, RUN and RUN (folder or
    name): settings and figures."""
    from udasa_core.report.run_list import comparison, listed, run_table

    if len(names) not in (0, 2):
        raise click.UsageError("name two runs to compare them, or none to list all")
    if names:
        from udasa_core.store.runs import find_run

        if as_json:
            raise click.UsageError("--json lists runs; `udasa show RUN --json` has all of one")
        for table in comparison(*(find_run(name, folder) for name in names)):
            say(f"{table}\n")
        return
    found = listed(folder)
    if as_json:
        import json

        from udasa_core.text.printable import printable_json

        click.echo(printable_json(json.dumps(found, indent=1, ensure_ascii=False)))
    else:
        say(run_table(folder, found))


@main.command(short_help="Ask a run's base and aligned model side by side.")
@click.argument("name", metavar="RUN")
@_runs
@click.option(
    "--stage", default="", metavar="NAME", help="The policy that this stage left; default: the last."
)
@click.option("--only", type=click.Choice(["base", "aligned"]), help="One of the two.")
@click.option(
    "--responses",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="K",
    help="Responses of each; for several, each one's U, and which would be chosen and rejected.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    metavar="T",
    help="0 is greedy, the default for one response; for several, as the run sampled.",
)
@click.option("--max-new-tokens", type=click.IntRange(min=1), metavar="N", help="Default: as the run.")
@click.option(
    "--system", metavar="TEXT", help='A system message; default: as the run\'s prompts; "" for none.'
)
@click.option("--generator", default="", metavar="NAME", help="Another generator than the run's.")
@click.option("--save", type=_FILE, metavar="FILE", help="Append prompts and answers to a JSONL file.")
def chat(
    name: str,
    folder: Path,
    stage: str,
    only: Literal["base", "aligned"] | None,
    responses: int,
    temperature: float | None,
    max_new_tokens: int | None,
    system: str | None,
    generator: str,
    save: Path | None,
) -> None:
    """Ask the base and the aligned model of RUN (its folder or name), a prompt a line; end with Ctrl-D.

    Each line stands by itself: what was said before is not sent again. Nothing is kept, unless by --save.
    """
    from udasa_core.chatting.chat import Asking, open_chat
    from udasa_core.chatting.policies import policies, system_message
    from udasa_core.cli.chat import answer_lines, introduction
    from udasa_core.store.runs import find_run

    if only == "base" and stage:
        raise click.UsageError(
            "--only base asks the base alone, and --stage names another policy; choose one"
        )
    if responses > 1 and temperature == 0:
        raise click.UsageError("greedy responses are all the same: leave out --responses, or --temperature 0")
    run = find_run(name, folder)
    asked = policies(run, stage, only)
    sent, note = (system, "") if system is not None else system_message(run)
    asking = Asking(responses, temperature, max_new_tokens, sent)
    with open_chat(run, asked, asking, generator=generator) as opened:
        for told in (*introduction(run, opened), *filter(None, (note, *opened.notes))):
            say(told, err=True)
        answer_lines(opened, save)


@main.command(short_help="Write a run's model or pairs for use elsewhere.")
@click.argument("name", metavar="RUN")
@_runs
@click.option("--model", type=_FOLDER, metavar="DIR", help="Write the aligned model to a new folder.")
@click.option(
    "--adapter",
    type=click.Choice(["merged", "beside", "alone"]),
    default="merged",
    show_default=True,
    help="The adapter merged into the weights, in a folder beside the base's, or without the base.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of merged weights. 16 bits round part of a light training away.",
)
@click.option(
    "--gguf", type=_FILE, metavar="FILE", help="Write it, merged, to FILE.gguf by llama.cpp's converter."
)
@click.option(
    "--gguf-converter",
    type=_FILE,
    metavar="FILE",
    help="llama.cpp's convert_hf_to_gguf.py, where it is not on PATH.",
)
@click.option(
    "--push", metavar="OWNER/NAME", help="Push the model, or with --gguf alone the GGUF, to the hub."
)
@click.option(
    "--private/--public", default=True, show_default=True, help="Of --push: who may read the repository."
)
@click.option("--pairs", type=_FILE, metavar="FILE", help="Write the pairs to FILE.jsonl or FILE.parquet.")
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@click.option("--unfinished", is_flag=True, help="Take what a run has that is not finished.")
def export(
    name: str,
    folder: Path,
    model: Path | None,
    adapter: Literal["merged", "beside", "alone"],
    dtype: str,
    gguf: Path | None,
    gguf_converter: Path | None,
    push: str | None,
    private: bool,
    pairs: Path | None,
    force: bool,
    unfinished: bool,
) -> None:
    """Write the aligned model, or the pairs, of RUN (its folder or name) for use elsewhere, or push the model
    to a hub. Pairs are never pushed."""
    from udasa_core.store.runs import find_run

    if model is None and pairs is None and gguf is None and push is None:
        raise click.UsageError(
            "say what to export: --model DIR, --gguf FILE, --push OWNER/NAME, --pairs FILE"
        )
    from udasa_core.cli.console import console_progress

    in_folder = model is not None or (push is not None and gguf is None)
    is_merged = gguf is not None or (in_folder and adapter == "merged")
    refuse_idle(
        adapter="" if in_folder else "it says how --model, or --push without --gguf, has the adapter",
        dtype="" if is_merged else "no weights are merged, and those that are copied stay as they are",
        gguf_converter="" if gguf is not None else "it makes what --gguf FILE asks for",
        private="" if push is not None else "it says who may read what --push OWNER/NAME pushes",
    )
    found, progress = find_run(name, folder), console_progress()
    if pairs is not None:
        from udasa_core.export.pairs import export_pairs

        count = export_pairs(found, pairs, force=force, unfinished=unfinished, progress=progress)
        say(f"wrote {count} pairs to {pairs}")
    if model is not None or gguf is not None or push is not None:
        from udasa_core.export.wanted import Wanted, export_model

        wanted = Wanted(
            adapter=adapter,
            dtype=dtype,
            model=model,
            gguf=gguf,
            converter=gguf_converter,
            push=push,
            private=private,
            force=force,
            unfinished=unfinished,
        )
        for line in export_model(found, wanted, progress=progress):
            say(line)


@main.command(short_help="Remove from the store what no run points at.")
@_runs
@click.option("--store", type=_FOLDER, help="The store, where it is not `store` in the folder of runs.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
def clean(folder: Path, store: Path | None, dry_run: bool) -> None:
    """Remove from the store what no run points at."""
    from udasa_core.api import clean as sweep
    from udasa_core.text.size import size

    entries, freed = sweep(folder, store or "", dry_run=dry_run)
    say(f"{'would remove' if dry_run else 'removed'} {entries} outputs, {size(freed)}")


def _print_tables(found: Run, *, artifacts: bool) -> None:
    from udasa_core.report.figures import figures
    from udasa_core.report.show import tables

    for table in tables(figures(found), artifacts=artifacts):
        say(f"{table}\n")
