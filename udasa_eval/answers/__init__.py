"""Whether a response answers a short factual question right."""
