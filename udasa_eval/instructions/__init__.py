"""Instructions whose fulfilment a program checks, in the layout and by the rules of IFEval."""
