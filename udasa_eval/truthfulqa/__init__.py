"""TruthfulQA: its files, prompts, graders' questions and answers."""
