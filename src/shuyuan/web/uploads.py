"""A model file that an administrator brings on the page: what the form says, and its way into the catalogue.

The file is already on disk (the form parser spools it); the catalogue examines it before anything opens it.
"""

import json
from dataclasses import dataclass
from pathlib import PurePath

from starlette.datastructures import FormData, UploadFile

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import Catalogue, LocalText, Version

RUNNER_OF_SUFFIX = {".onnx": "onnx", ".gguf": "llama", ".safetensors": "torch"}
BY_ENDING = ""


@dataclass(frozen=True)
class Given:
    """What the form said; texts are kept when something is refused, the file has to be chosen again."""

    name: str = ""
    runner: str = BY_ENDING
    labels: str = ""
    spec: str = ""
    card: str = ""
    context: str = ""
    champion: bool = True
    reason: str = ""
    file: UploadFile | None = None

    @property
    def rare(self) -> bool:
        """Whether the rarely used fields hold something."""
        return bool(self.spec or self.card or self.runner or self.context)


def read(form: FormData) -> Given:
    """The fields of the form."""
    file = form.get("file")
    return Given(
        name=_text(form, "name").strip(),
        runner=_text(form, "runner"),
        labels=_text(form, "labels").strip(),
        spec=_text(form, "spec").strip(),
        card=_text(form, "card").strip(),
        context=_text(form, "context").strip(),
        champion=bool(_text(form, "champion")),
        reason=_text(form, "reason").strip(),
        file=file if isinstance(file, UploadFile) and file.filename else None,
    )


def register(catalogue: Catalogue, reader: Principal, given: Given) -> Version:
    """Store the file as the next version of its model. Raises what Catalogue.add_file raises, and BadInput."""
    if given.file is None:
        raise errors.BadInput("no file was chosen", fix="choose an ONNX, GGUF or safetensors file")
    labels = [word.strip() for word in given.labels.replace("\n", ",").split(",") if word.strip()]
    runner = given.runner or _runner_of(given.file.filename or "")
    if runner == "remote":
        reader.require("admin")  # whom this server calls, as over HTTP
    return catalogue.add_file(
        reader.school_id,
        reader.account_id,
        model=given.name,
        source=given.file.file,
        runner=runner,
        spec=_spec(given.spec) | ({"labels": labels} if labels else {}),
        card=LocalText(zh=given.card or given.name, en=given.card or given.name),
        context_tokens=_whole(given.context),
        champion=given.champion,
        reason=given.reason[:400] if given.champion else "",
    )


def _runner_of(filename: str) -> str:
    suffix = PurePath(filename).suffix.lower()
    if suffix not in RUNNER_OF_SUFFIX:
        raise errors.BadInput(
            f"{filename[:80]!r} does not say what it is", fix=f"end its name in {', '.join(RUNNER_OF_SUFFIX)}"
        )
    return RUNNER_OF_SUFFIX[suffix]


def _whole(written: str) -> int:
    if not written:
        return 0
    if not (written.isascii() and written.isdigit() and len(written) < 8):
        raise errors.BadInput(f"{written[:20]!r} is no number of tokens", fix="write a whole number such as 2048")
    return int(written)


def _spec(written: str) -> dict[str, object]:
    try:
        spec = json.loads(written or "{}")
    except (ValueError, RecursionError) as wrong:
        raise errors.BadInput(
            f"the details are not JSON: {wrong}", fix='write {"image": …}', code="bad_spec"
        ) from wrong
    if not isinstance(spec, dict):
        raise errors.BadInput("the details are no JSON object", fix='write {"image": …}', code="bad_spec")
    return spec


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
