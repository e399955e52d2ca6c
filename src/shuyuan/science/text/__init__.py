"""Plain text for machines to compare: normal forms, numbers in words, sentences of a stream, answer leaks.

Knows Chinese and English. Refuses to judge answers: grading belongs to the typed item, never to prose.
"""

from shuyuan.science.text.latex import latex_to_plain
from shuyuan.science.text.leaks import contains_answer
from shuyuan.science.text.normalise import half_width, plain
from shuyuan.science.text.numberwords import english_to_number
from shuyuan.science.text.numerals import chinese_to_number, number_to_chinese
from shuyuan.science.text.quantities import Quantity, quantities
from shuyuan.science.text.sentences import SentenceSplitter, split_sentences
from shuyuan.science.text.terms import terms

__all__ = [
    "Quantity",
    "SentenceSplitter",
    "chinese_to_number",
    "contains_answer",
    "english_to_number",
    "half_width",
    "latex_to_plain",
    "number_to_chinese",
    "plain",
    "quantities",
    "split_sentences",
    "terms",
]
