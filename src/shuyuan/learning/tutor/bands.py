"""For whom the tutor speaks: a pupil's age band in the education policy, and what a model says held to it.

A pupil is never an adult here. One whose age nobody noted counts as somebody at the school's age line.
"""

from collections.abc import AsyncIterator, Mapping

from shuyuan.learning.people.interface import AgeBand
from shuyuan.maas.gateway import interface as gateway_api
from shuyuan.maas.gateway.interface import Band
from shuyuan.science import text
from shuyuan.science.text import policy

_BANDS: Mapping[AgeBand, Band] = {"under_13": "child", "13_15": "teen", "16_17": "teen", "adult": "teen"}
_TEEN_FROM = 13  # years
_BEHIND = 80  # characters already said that are looked at again with what follows


class Withheld(gateway_api.ContentPolicy):
    """What the model went on to say is kept from this age band."""


def band_of(age_band: AgeBand, age_line: int) -> Band:
    """The policy's band of a pupil.

    >>> band_of("under_13", 13), band_of("adult", 13), band_of("unknown", 13), band_of("unknown", 10)
    ('child', 'teen', 'teen', 'child')
    """
    return _BANDS.get(age_band) or ("teen" if age_line >= _TEEN_FROM else "child")


def judged(said: str, band: Band) -> policy.Judgement:
    """What the policy says of a message, as far as this band needs to know."""
    return policy.judge(said, policy.KEPT_FROM[band])


def may_be_told(said: str, band: Band) -> bool:
    """Whether a model may be given these words of an earlier turn: neither kept from the band nor a call for help."""
    found = judged(said, band)
    return not (found.harm or found.blocked(band))


async def screened(pieces: AsyncIterator[str], band: Band) -> AsyncIterator[str]:
    """Whole sentences, each judged with the end of what stood before it. Raises Withheld instead of passing one on."""
    splitter, before = text.SentenceSplitter(), ""
    async for piece in pieces:
        for sentence in splitter.feed(piece):
            before = _passed(before, sentence, band)
            yield sentence
    for sentence in splitter.flush():
        before = _passed(before, sentence, band)
        yield sentence


def _passed(before: str, sentence: str, band: Band) -> str:
    if judged(before + sentence, band).blocked(band):
        raise Withheld("the model's words are kept from this age band")
    return (before + sentence)[-_BEHIND:]
