"""Training by several processes: torchrun or accelerate starts them, and each calls the trainer as a rank."""
