"""Turn a model's stream into sentences a learner may read: cut, guarded, replaced by hints where need be."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from shuyuan.identity.interface import Language
from shuyuan.learning.courses import interface as courses
from shuyuan.learning.tutor import guard, interface, words
from shuyuan.science import text

MAX_SENTENCES = 4
MAX_REPLACED = 2  # a model that leaks twice wants to give the answer: it is stopped
_ENDED = re.compile(r"(?:[。！？!?；…\n]|(?<!\d)\.)[\"'”’」』）)\]】》*_]*$")  # surely the end of a sentence
NextHint = Callable[[], Awaitable[interface.Event | None]]


@dataclass
class Speaking:
    """One answer of a model on its way to the learner; afterwards, what came of it."""

    language: Language
    watch: guard.Guard
    next_hint: NextHint
    sentences: int = 0
    replaced: int = 0
    _stopped: bool = field(default=False, init=False)

    async def events(self, pieces: AsyncIterator[str], *, whole: bool = False) -> AsyncGenerator[interface.Event, None]:
        """`sentence` and `replaced` events until the model ends or has to be stopped.

        whole: pieces end where sentences do, so that none waits for the next one.
        """
        splitter = text.SentenceSplitter()
        async for piece in pieces:
            done = splitter.feed(piece)
            if whole and _ENDED.search(piece):
                done += splitter.flush()
            for sentence in done:
                async for event in self._judge(sentence):
                    yield event
            if self._stopped:
                return
        for sentence in splitter.flush():
            async for event in self._judge(sentence):
                yield event
        if not self._stopped and not self.sentences and not self.replaced:
            yield note(words.NO_SENSE[self.language], "empty")

    async def _judge(self, sentence: str) -> AsyncIterator[interface.Event]:
        if self._stopped or not sentence.strip():
            return
        finding = self.watch.read(sentence)
        if finding == "fine":
            self.sentences += 1
            self._stopped = self.sentences >= MAX_SENTENCES
            yield said(sentence, draft=True)
        elif finding == "chatter":
            return
        elif finding == "again":
            self._stopped = True
        elif finding == "foreign":
            self._stopped = True
            yield note(words.NO_SENSE[self.language], "language")
        else:
            self.replaced += 1
            self._stopped = self.replaced >= MAX_REPLACED
            yield await self._instead(finding)

    async def _instead(self, finding: guard.Finding) -> interface.Event:
        """A verdict becomes a pointer to the answer box; a leak the next hint, or a nudge when none is left."""
        hint = await self.next_hint() if finding == "leak" else None
        if hint is not None:
            return interface.Event("replaced", hint.text, hint.html, {**hint.data, "why": finding})
        told = (words.NOT_MARKING if finding == "verdict" else words.TRY_YOURSELF)[self.language] + "\n"
        return interface.Event("replaced", told, courses.inline(told), {"why": finding})


def said(sentence: str, *, draft: bool) -> interface.Event:
    """Words of the model (a draft) or our own."""
    return interface.Event("sentence", sentence, courses.inline(sentence.strip()), {"draft": draft})


def note(told: str, why: str) -> interface.Event:
    """Why no model answers, or why it stopped."""
    return interface.Event("note", told + "\n", courses.inline(told), {"why": why})
