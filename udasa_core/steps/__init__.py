"""The pipeline's steps, one a file; no step knows another."""
