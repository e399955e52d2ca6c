"""What an age band may send to a model and hear from it; and word of harm to whoever is responsible.

Adults are protected from help with grave harm alone, and what a model says to them is passed on as it comes. For a
child or a teen whole sentences are checked before they leave: nothing that was not checked is sent. What anybody
confesses of themselves is answered with care, and no model sees it; what an adult quotes, reports of others or has
translated is not theirs. A sign that somebody is in danger is noted in the activity log and told as an event, with ids
only. What a child or a teen said into a microphone or photographed is theirs: it is given back as it is, and a sign of
harm in it is told all the same.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db, outbox
from shuyuan.maas.gateway import interface
from shuyuan.science import text as plain_text
from shuyuan.science.text import policy

HARM_SIGNS = interface.HARM_SIGNS
_BANDS: Mapping[Role, policy.Band] = {"student": "teen"}  # everybody else is an adult until key or header say less
_HELD = 240  # characters without the end of a sentence that are held back at most
_BEHIND = 80  # characters already sent that are looked at again with what follows
_LONG = 4_000  # characters from which judging leaves the event loop
_REFUSAL: Mapping[plain_text.Language, str] = {
    "zh": "这个话题我不能和你聊。如果你需要帮助，请找老师、家长或你信任的大人。",
    "en": "This is something I cannot talk about with you. If you need help, ask a teacher, a parent or another "
    "adult you trust.",
}
_REFUSAL_ADULT: Mapping[plain_text.Language, str] = {
    "zh": "这会帮人造成严重伤害，这里的模型不回答。",
    "en": "This would help somebody do grave harm; no model answers it here.",
}
_CARE: Mapping[plain_text.Language, str] = {
    "zh": "谢谢你说出来。我只是程序，帮不上你：请现在就去找你信任的大人，老师、家长或学校的心理老师。"
    "如果有人正处在危险中，请马上拨打 110 或 120。",
    "en": "Thank you for saying it. I am only a program: please go now to an adult you trust, a teacher, a parent or "
    "the school counsellor. If anyone is in danger, call the emergency number at once (in China 110 or 120).",
}
_CARE_ADULT: Mapping[plain_text.Language, str] = {
    "zh": "谢谢你说出来。我只是程序，帮不上你：请现在就联系你信任的人、学校的心理老师或医生，"
    "也可以拨打心理援助热线 12356。如果有人正处在危险中，请马上拨打 110 或 120。",
    "en": "Thank you for saying it. I am only a program: please talk now to somebody you trust, the school counsellor "
    "or a doctor; in China the helpline 12356 listens. If anyone is in danger, call the emergency number at once "
    "(in China 110 or 120).",
}


def band_of(principal: Principal, asked: policy.Band | None = None) -> policy.Band:
    """The band of a caller: of role, key and `asked` the one that protects most."""
    named = (_BANDS.get(principal.role), principal.age_band, asked)
    return policy.least_band("adult", *(band for band in named if band))


def read_band(header: str | None) -> policy.Band | None:
    """The band that a header names. Raises ValueError for a word that is none."""
    if header is None:
        return None
    word = header.strip().lower()
    for band in get_args(policy.Band):
        if word == band:
            return band  # type: ignore[no-any-return]  # get_args does not tell types
    raise ValueError(f"x-shuyuan-age-band is {header[:20]!r}; use child, teen or adult")


async def judge(text: str, band: policy.Band) -> policy.Judgement:
    """What the policy says of a text, as far as this band needs to know."""
    least = policy.KEPT_FROM[band]
    if len(text) <= _LONG:
        return policy.judge(text, least)
    return await asyncio.to_thread(policy.judge, text, least)


class Screening:
    """Checks what people send. audit and outbox: where signs of harm are told."""

    def __init__(self, database: db.Database, audit: kernel_audit.Audit, events: outbox.Outbox | None) -> None:
        self._db, self._audit, self._outbox = database, audit, events

    async def admit(
        self, principal: Principal, said: Sequence[str], band: policy.Band, *, own: Sequence[str] | None = None
    ) -> None:
        """Raise ContentPolicy when the band is kept from what was said; nobody has seen it but this process.

        own: of `said` what an adult says themselves, where a sign of harm is a confession; None: all of it.
        """
        text = "\n".join(said)
        judged = await judge(text, band)
        blocked, language = judged.blocked(band), _language(text)
        if judged.harm and (band != "adult" or "self_harm" in blocked or await _confess(said if own is None else own)):
            await self.tell(principal, band, source="input")
            raise interface.ContentPolicy((_CARE_ADULT if band == "adult" else _CARE)[language])
        if blocked:
            raise interface.ContentPolicy((_REFUSAL_ADULT if band == "adult" else _REFUSAL)[language])

    async def tell(self, principal: Principal, band: policy.Band, *, source: str) -> None:
        """Note and announce that somebody may be in danger. Ids only, never the words."""

        def work(uow: db.UnitOfWork) -> None:
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="care.needed",
                object_id=principal.key_id or principal.account_id,
                age_band=band,
                source=source,
            )
            if self._outbox is not None:
                self._outbox.emit(
                    uow,
                    HARM_SIGNS,
                    school_id=principal.school_id,
                    subject_id=principal.account_id,
                    key_id=principal.key_id,
                    age_band=band,
                    source=source,
                )

        await self._db.write_async(work)


class Listening:
    """What a person said or photographed, as a model reads it: never withheld from them, a sign of harm told once.

    source: `transcript` or `page`, for the note and the event.
    """

    def __init__(self, screen: Screening, principal: Principal, band: policy.Band, *, source: str) -> None:
        self._screen, self._principal, self._band, self._source = screen, principal, band, source
        self._before, self._told = "", band == "adult"  # of an adult nothing is told

    async def hear(self, words: str) -> None:
        """The next words, before anybody is given them; lines and pauses do not part a sentence."""
        if self._told:
            return
        text = " ".join((self._before + words).split())
        self._before = (self._before + words)[-_BEHIND:]
        if await _shows_harm(text):
            self._told = True
            await self._screen.tell(self._principal, self._band, source=self._source)


class Holdback:
    """One answer to a child or a teen: sentences leave once they were judged, with what stood before them."""

    def __init__(self, band: policy.Band) -> None:
        self._band = band
        self._splitter = plain_text.SentenceSplitter()
        self._waiting = interface.Delta()  # logprobs and calls of text that is still held
        self._held, self._sent, self._calls = 0, "", ""
        self.stopped = False

    async def pass_on(self, delta: interface.Delta) -> interface.Delta | None:
        """What may leave now: checked text, or the end `content_filter`. None: nothing yet."""
        ready = "".join(self._splitter.feed(delta.text))
        self._held += len(delta.text) - len(ready)
        self._calls += json.dumps(list(delta.tool_calls), ensure_ascii=False) if delta.tool_calls else ""
        self._waiting = replace(
            delta,
            logprobs=(*self._waiting.logprobs, *delta.logprobs),
            tool_calls=(*self._waiting.tool_calls, *delta.tool_calls),
        )
        if delta.finish_reason or self._held > _HELD:
            ready, self._held = ready + "".join(self._splitter.flush()), 0
        if not (ready or delta.finish_reason):
            return None
        return await self._released(ready)

    async def _released(self, ready: str) -> interface.Delta | None:
        judged = await judge(self._sent[-_BEHIND:] + ready, self._band)
        ended = self._waiting.finish_reason is not None
        if not judged.blocked(self._band) and ended and self._calls:
            judged = await judge(self._calls, self._band)
        if judged.blocked(self._band):
            self.stopped = True
            return interface.Delta(finish_reason="content_filter", usage=self._waiting.usage, index=self._waiting.index)
        self._sent = (self._sent + ready)[-_BEHIND:]
        calls = self._waiting.tool_calls if ended else ()
        released = replace(self._waiting, text=ready, tool_calls=calls)
        self._waiting = interface.Delta(tool_calls=() if ended else self._waiting.tool_calls)
        return released


async def _shows_harm(text: str) -> bool:
    if len(text) <= _LONG:
        return policy.shows_harm(text)
    return await asyncio.to_thread(policy.shows_harm, text)


async def _confess(own: Sequence[str]) -> bool:
    text = "\n".join(own)
    return policy.confesses(text) if len(text) <= _LONG else await asyncio.to_thread(policy.confesses, text)


def _language(text: str) -> plain_text.Language:
    return plain_text.language_of(text) or "zh"
