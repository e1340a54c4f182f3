"""Tasks made from seeds: short questions whose one answer a program knows, as many as are wanted."""
