"""What is measured about the method itself: signal, consistency, premise, and fitted weights."""
