"""Parts of texts: a response's final answer and sentences, words, a rating."""
