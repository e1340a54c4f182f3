"""Telling a refusal by its phrases, and checking that."""
