"""What the table of the generator `vllm` may say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from udasa_core import RenderingOptions, UdasaError
from udasa_plugin_vllm.interpreter import gpu_faults, interpreter

if TYPE_CHECKING:
    from udasa_core import Outlook

# Options that say where and how patiently: they change no sample.
INCIDENTAL = ("python", "start_timeout", "timeout", "tolerance")


class VLLMOptions(RenderingOptions):
    """Which interpreter holds vLLM, and how vLLM runs the policy there."""

    python: str = Field(
        default="",
        description='The interpreter that holds vLLM: "~/vllm-env/bin/python", say. "": the one that runs '
        "udasa, where it holds vLLM.",
    )
    tensor_parallel_size: int = Field(
        default=1, ge=1, description="GPUs that each worker's model is spread over."
    )
    workers: int = Field(
        default=1,
        ge=1,
        description="Processes that sample side by side, each with a model of its own on GPUs of its own "
        "(`tensor_parallel_size` of them): a shard's prompts are dealt out to them.",
    )
    max_model_len: int = Field(
        default=0,
        ge=0,
        description="Tokens that prompt and response may have together; less takes less memory. Longer "
        "prompts are set aside beforehand. 0: as the model.",
    )
    gpu_memory_utilization: float = Field(
        default=0.85,
        gt=0,
        le=1,
        description="Share of a GPU's memory that vLLM takes, weights included. Nothing on processors, where "
        "the variable VLLM_CPU_KVCACHE_SPACE says how many GiB its cache has.",
    )
    max_num_seqs: int = Field(
        default=256, ge=1, description="Responses that decode together at most, for each worker."
    )
    quantization: str = Field(
        default="",
        description='vLLM\'s name of a way to keep the weights: "fp8", say; what it samples is then another '
        'model than the one that is trained, which the canary tells. "": as [model] says.',
    )
    dtype: Literal["", "float32", "bfloat16", "float16"] = Field(
        default="", description='What vLLM computes in. "": as [model] says.'
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="The engine's own seed. What is drawn follows from [run] seed: each prompt has its own.",
    )
    enforce_eager: bool = Field(
        default=False,
        description="Leave out CUDA graphs and compiled kernels: it starts sooner and samples more slowly.",
    )
    entropies: Literal["none", "rescore"] = Field(
        default="none",
        description='vLLM tells no entropies. "rescore": one pass of the policy over each response, by '
        "transformers in this process, gives them, and the log-probabilities under the distribution that was "
        "sampled from; its weights need room beside vLLM's memory.",
    )
    tolerance: float = Field(
        default=0.05,
        gt=0,
        description="Nats a token by which a text's log-probability may differ between vLLM and transformers "
        "before anything is sampled. The canary takes less where the adapter's effect is small.",
    )
    start_timeout: float = Field(
        default=1800.0, gt=0, description="Seconds that vLLM may take to load a model and to compile."
    )
    timeout: float = Field(
        default=7200.0, gt=0, description="Seconds that one shard of prompts may take to be sampled."
    )

    @property
    def gives_entropies(self) -> bool:
        """Whether responses come with entropies."""
        return self.entropies == "rescore"

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Look whether there is a vLLM that can be used, and whether the context is one of the model's."""
        try:
            found = interpreter(self.python)
        except UdasaError as error:
            yield str(error)
        else:
            yield from gpu_faults(found, self.tensor_parallel_size * self.workers)
            if self.quantization == "bitsandbytes" and "bitsandbytes" not in found.versions:
                yield f"{found.path} has no bitsandbytes, which keeps the weights in 4 bits: install it there"
        declared = _declared_length(outlook)
        if declared and self.max_model_len > declared:
            yield (
                f"max_model_len = {self.max_model_len} is more than the {declared} tokens that "
                f"{outlook.policy} can attend to: write {declared} at most, or leave it out"
            )


def _declared_length(outlook: Outlook) -> int:
    """Return how many tokens the policy attends to by its config.json; 0 where nothing here tells."""
    from udasa_core import parse_json

    folder = outlook.folder(outlook.policy)
    if folder is None:
        return 0
    plain = parse_json((folder / "config.json").read_text())
    told = plain.get("text_config", plain).get("max_position_embeddings")
    return told if isinstance(told, int) else 0
