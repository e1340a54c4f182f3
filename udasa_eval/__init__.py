"""udasa_eval: what an aligned model is measured by, and what is measured about the method.

suites, judges and metrics are what others use: plugins, and `evaluate.Metric` subclasses. standalone and
experiments hold the command `udasa eval` and what `udasa experiment` runs. The other folders hold what
these are made of.
"""
