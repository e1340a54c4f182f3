"""Built-in plugin family: the trainers dpo, ipo and sft."""
