"""udasa_eval: what an aligned model is measured by. Suites and judges plug in under udasa.suite and udasa.judge."""
