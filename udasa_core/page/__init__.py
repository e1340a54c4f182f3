"""One HTML file of a run, an evaluation or an experiment: tables, charts, pairs and answers, read offline."""
