"""What plugins share: the embedder, entailment, similarity, classifiers, the reader."""
