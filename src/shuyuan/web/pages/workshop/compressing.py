"""Children of a version: the form of each method, what is at work, the table against the parent."""

from fastapi import APIRouter, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.compression.interface import LARGER_IS_BETTER, NewCompression, Row
from shuyuan.web import glossary
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, schemas
from shuyuan.web.reading import Reader

_EVEN, _EVEN_TIMED = 0.01, 0.15  # a ratio this near to 1 is neither better nor worse; what is timed wavers


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/compressions…`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/workshop/compressions/{compression_id}/cancel")
    def cancel(reader: Reader, compression_id: str) -> Response:
        found = needs.compression.compression(reader.school_id, compression_id)
        notice = "cancelling"
        try:
            needs.compression.cancel(reader.school_id, reader.account_id, compression_id)
        except errors.Conflict:  # it ended just now: the page says how
            notice = ""
        _, name, number = found.parent.split("/")
        return common.lead(f"/workshop/models/{name}", notice, version=number)

    return api


def start(needs: WorkshopNeeds, reader: Principal, name: str, number: int, said: common.Form) -> None:
    """What a form asked for. Raises BadInput naming field and value, and what `Compressing.start` raises."""
    method = common.first(said, "method")
    info = next((one for one in needs.compression.methods() if one.name == method), None)
    new = NewCompression(
        version=f"models:/{name}/{number}",
        method=method,
        config=schemas.values(info.config_schema, said) if info else {},
        data=common.first(said, "data") or None,
    )
    needs.compression.start(reader, new)


def signature(needs: WorkshopNeeds, reader: Principal) -> str:
    """Changes when a compression of the school ends or begins."""
    every = needs.compression.compressions(reader.school_id)
    return "-".join(f"{one.number}{one.state}" for one in every if not one.ended) or "none"


def figure_word(figure: str) -> str:
    """The key of a figure's name in the reader's language; empty where there is none."""
    key = f"workshop.compressed.{figure}"
    return key if key in glossary.words() else ""


def leaning(row: Row) -> str:
    """`better`, `worse`, or empty where it is about the same or cannot be said."""
    timed = row.figure.endswith(("_ms", "_per_s", "_rss_bytes"))
    if row.ratio is None or not row.parent or row.parent < 0:
        return ""
    if abs(row.ratio - 1) < (_EVEN_TIMED if timed else _EVEN):
        return ""
    return "better" if (row.ratio > 1) == (row.figure in LARGER_IS_BETTER) else "worse"
