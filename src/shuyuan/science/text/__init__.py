"""Plain text for machines to compare: normal forms, numbers in words, sentences of a stream, answer leaks.

Knows Chinese and English. Refuses to judge answers: grading belongs to the typed item, never to prose.
"""

from shuyuan.science.text.extracting import Extract, extract
from shuyuan.science.text.faithful import invented_numbers, lost_names, lost_numbers
from shuyuan.science.text.languages import Language, is_written_in, language_of
from shuyuan.science.text.latex import latex_to_plain
from shuyuan.science.text.leaks import contains_answer
from shuyuan.science.text.normalise import half_width, plain
from shuyuan.science.text.numberwords import english_to_number
from shuyuan.science.text.numerals import chinese_to_number, number_to_chinese
from shuyuan.science.text.quantities import Quantity, quantities
from shuyuan.science.text.sentences import SentenceSplitter, split_sentences
from shuyuan.science.text.stemming import stem
from shuyuan.science.text.terms import terms
from shuyuan.science.text.titles import title_of

__all__ = [
    "Extract",
    "Language",
    "Quantity",
    "SentenceSplitter",
    "chinese_to_number",
    "contains_answer",
    "english_to_number",
    "extract",
    "half_width",
    "invented_numbers",
    "is_written_in",
    "language_of",
    "latex_to_plain",
    "lost_names",
    "lost_numbers",
    "number_to_chinese",
    "plain",
    "quantities",
    "split_sentences",
    "stem",
    "terms",
    "title_of",
]
