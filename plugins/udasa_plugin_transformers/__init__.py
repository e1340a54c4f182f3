"""Built-in plugin family: generators that run a policy with transformers."""
