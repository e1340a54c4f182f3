"""Built-in plugin family: the dpo and ipo trainers."""
