"""Text to tokens as XLM-R does: normalise characters, mark word starts, take the likeliest pieces."""

import re

from tokenizers import Tokenizer, models

from shuyuan.maas.runners import e5file

_WORD_START = "\u2581"
_SPACES = re.compile(" {2,}")


class Unigram:
    """The tokenizer of one vocabulary, without end marks."""

    def __init__(self, vocabulary: e5file.Vocabulary) -> None:
        self._normal_form = vocabulary.normal_form
        self._pieces = Tokenizer(models.Unigram(vocabulary.pieces, unk_id=vocabulary.unk, byte_fallback=False))

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Piece ids of each text."""
        marked = [self._mark(text) for text in texts]
        return [found.ids for found in self._pieces.encode_batch(marked, add_special_tokens=False)]

    def _mark(self, text: str) -> str:
        plain = _SPACES.sub(" ", text.replace("\0", "").translate(self._normal_form))
        return (plain if plain.startswith(" ") else f" {plain}").replace(" ", _WORD_START)
