"""Models that a module of its own chooses and runs: what is known of their versions.

Shows; nothing of them is tried, promoted, compressed or deleted here.
"""

from collections.abc import Mapping

from fastapi import Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import CHAMPION, UnknownModel, runner_kinds
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common

PAGES: Mapping[str, str] = {"tracer": "/loop", "outlook": "/admin/models#outlooks"}  # where each is chosen
ADMIN_ONLY = frozenset({"outlook"})


def page(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    name: str,
    number: int = 0,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    """The versions of a model, and one of them. Raises UnknownModel."""
    versions = [one for one in needs.catalogue.versions(reader.school_id, name) if one.runner not in runner_kinds()]
    if not versions:
        raise UnknownModel(f"there is no model {name[:40]!r} of this school", fix="choose one of the list")
    champion = needs.catalogue.aliases(reader.school_id, name).get(CHAMPION)
    wanted = number or champion
    return common.show(
        needs,
        request,
        "elsewhere.html",
        reader,
        "models",
        trouble=trouble,
        name=name,
        versions=versions,
        champion=champion,
        shown=next((one for one in versions if one.number == wanted), versions[0]),
        chosen_at=PAGES.get(name) if reader.role == "admin" or name not in ADMIN_ONLY else None,
    )
