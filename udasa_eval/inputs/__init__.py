"""Texts, dialogues and beginnings to continue, from files or the hub."""
