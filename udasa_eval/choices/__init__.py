"""Log-probabilities of given answers, and the figures of multiple choice."""
