"""udasa_eval: what an aligned model is measured by.

Suites and judges are plugins of the kinds `udasa.suite` and `udasa.judge`; none ships yet.
"""
