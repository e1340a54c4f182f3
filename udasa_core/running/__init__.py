"""A run while it is made: opened, walked through its stages, ended with a word in its manifest."""
