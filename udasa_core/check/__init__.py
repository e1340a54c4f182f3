"""What can be said before a run: plan, estimate, overlap, plugins, an annotated configuration."""
