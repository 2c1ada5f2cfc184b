"""Prompts as word tokens: one token per word of a fixed vocabulary, padded to a fixed length."""

from collections.abc import Sequence

from models.picturebook.vocabulary import SYNONYMS, split_words

PAD = 0
UNKNOWN = 1
_FIRST_WORD = 2


def count_words(text: str) -> int:
    """Return how many tokens a prompt takes."""
    return len(split_words(text))


class WordTokenizer:
    """Turn prompts into ``length`` tokens; the empty prompt is all padding.

    A word that the vocabulary lacks counts as its synonym in the picture book, if the vocabulary has that.
    """

    def __init__(self, vocabulary: Sequence[str], length: int) -> None:
        self.length = length
        self._tokens = {word: token for token, word in enumerate(vocabulary, start=_FIRST_WORD)}

    @property
    def size(self) -> int:
        """How many different tokens there are, with padding and the unknown word."""
        return len(self._tokens) + _FIRST_WORD

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of ``text`` that the vocabulary lacks, each once, in order."""
        return [word for word in dict.fromkeys(split_words(text)) if self._token(word) == UNKNOWN]

    def encode(self, text: str) -> list[int]:
        """Return exactly ``length`` tokens.

        Raises:
            ValueError: the prompt has more words than tokens.
        """
        tokens = [self._token(word) for word in split_words(text)]
        if len(tokens) > self.length:
            raise ValueError(f"prompt has {len(tokens)} words, at most {self.length} are understood")
        return tokens + [PAD] * (self.length - len(tokens))

    def _token(self, word: str) -> int:
        known = word if word in self._tokens else SYNONYMS.get(word, word)
        return self._tokens.get(known, UNKNOWN)
