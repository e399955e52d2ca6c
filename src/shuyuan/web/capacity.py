"""How many tutor users at once: measured with one short generation, never assumed.

Protocol: a prompt as long as a grounded tutor question (about 400 tokens, never the same twice, so that nothing
cached helps), 48 tokens of answer. An answer of `ANSWER_TOKENS` then takes first + ANSWER_TOKENS / rate; answers
are counted one after another, which is the cautious reading when a model batches. "At once" is how many of them
fit into `PATIENCE_S`. The result is a setting of the school, so it outlives a restart.
"""

import math
import secrets
import time
from dataclasses import dataclass
from datetime import datetime

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.maas.gateway.interface import ChatRequest, Gateway, Usage
from shuyuan.maas.runners.interface import Message
from shuyuan.web.needs import OfficeNeeds

SETTING, MEASURED = "capacity", "capacity.measured"
ANSWER_TOKENS, PATIENCE_S = 120, 30
SAMPLE_TOKENS, FEWEST_TOKENS = 48, 8
_PASSAGE = "A minus sign in front of a bracket changes the sign of every term inside it, not only of the first one. "
_PASSAGES = 16


@dataclass(frozen=True)
class Capacity:
    """One measurement."""

    model: str
    first_token_s: float
    tokens_per_s: float
    at: datetime | None = None

    @property
    def answer_s(self) -> float:
        """Seconds one answer takes, alone."""
        return self.first_token_s + ANSWER_TOKENS / self.tokens_per_s

    @property
    def at_once(self) -> int:
        """Users who press Enter together and all have their answer within `PATIENCE_S`."""
        return math.floor(PATIENCE_S / self.answer_s)


async def measure(gateway: Gateway, principal: Principal, model: str) -> Capacity:
    """One generation, counted in the ledger like any other. Raises what the gateway raises."""
    question = f"[{secrets.token_hex(4)}] {_PASSAGE * _PASSAGES}Explain this at length, with many examples."
    asked: list[Message] = [{"role": "user", "content": question}]
    request = ChatRequest(model, asked, max_tokens=SAMPLE_TOKENS, temperature=0.0)
    first_s, usage, began = 0.0, Usage(0), time.perf_counter()
    async with gateway.chat(principal, request, purpose="service") as answer:
        async for delta in answer:
            first_s = first_s or (time.perf_counter() - began if delta.text else 0.0)
            usage = delta.usage or usage
    took_s = time.perf_counter() - began
    if usage.completion_tokens < FEWEST_TOKENS or took_s <= first_s:
        raise errors.Unavailable(
            f"{model} answered with {usage.completion_tokens} tokens: too short to measure", fix="measure once more"
        )
    return Capacity(model, first_s, (usage.completion_tokens - 1) / (took_s - first_s))


def keep(needs: OfficeNeeds, principal: Principal, found: Capacity) -> None:
    """The school's newest measurement, and that it was made."""
    figures = {"first_token_s": round(found.first_token_s, 3), "tokens_per_s": round(found.tokens_per_s, 2)}

    def write(uow: kernel_db.UnitOfWork) -> None:
        needs.identity.set_setting(
            uow, school_id=principal.school_id, name=SETTING, value={"model": found.model, **figures}
        )
        needs.audit.record(
            uow,
            school_id=principal.school_id,
            actor_id=principal.account_id,
            action=MEASURED,
            object_id=found.model,
            **figures,
        )

    needs.db.write(write)


def last(identity: Identity, school_id: str) -> Capacity | None:
    """The newest measurement of this school."""
    kept = identity.setting(school_id, SETTING)
    if kept is None:
        return None
    return Capacity(kept.value["model"], kept.value["first_token_s"], kept.value["tokens_per_s"], kept.updated_at)
