"""Prompts: from a source's rows to what the policy is asked."""
