"""Read a multipart form as a typed body: unknown fields are refused by name, files are bounded."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.routes import common

M = TypeVar("M", bound=BaseModel)
_MAX_FIELDS, _MAX_FIELD_BYTES = 32, 64 << 10
_LIST, _NESTED = re.compile(r"^(\w+)\[\]$"), re.compile(r"^(\w+)\[(\w+)\]$")


@dataclass(frozen=True)
class Upload(Generic[M]):
    """The fields of a form and its one file, open while the form is."""

    body: M
    file: UploadFile
    name: str

    async def read(self, most_bytes: int) -> bytes:
        """The whole file. Raises Refused over the cap or when empty."""
        data = await self.file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise wire.Refused(
                f"the file has more than {most_bytes} bytes", param="file", fix="send a smaller file", code="too_much"
            )
        if not data:
            raise wire.Refused("the file is empty", param="file", fix="send its content")
        return data


@asynccontextmanager
async def form(kind: type[M], request: Request) -> AsyncIterator[Upload[M]]:
    """The form of this request with the file in its field `file`. Raises Refused."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise wire.Refused("the body is not multipart/form-data", param="file", fix="send the file as a form field")
    try:
        fields = await request.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES)
    except HTTPException as broken:
        raise wire.Refused(f"the form cannot be read: {broken.detail}", param=None, fix="send one file") from broken
    async with _closing(fields):
        file = fields.get("file")
        if not isinstance(file, UploadFile):
            raise wire.Refused("the form has no file", param="file", fix="send it in the field `file`")
        yield Upload(parse(kind, _plain(fields)), file, file.filename or "file")


@asynccontextmanager
async def _closing(fields: FormData) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await fields.close()


def parse(kind: type[M], fields: Mapping[str, object]) -> M:
    """A typed body from fields that arrived as text. Raises Refused."""
    return wire.parse(kind, json.dumps(fields).encode())


def takes(kind: type[BaseModel]) -> dict[str, Any]:  # Any: JSON
    """What `/openapi.json` says of a form with a file."""
    said = common.takes(kind)
    schema = said["requestBody"]["content"].pop("application/json")["schema"]
    schema["properties"] = {"file": {"type": "string", "format": "binary"}, **schema.get("properties", {})}
    schema["required"] = ["file", *schema.get("required", [])]
    said["requestBody"]["content"]["multipart/form-data"] = {"schema": schema}
    return said


def _plain(fields: FormData) -> dict[str, object]:
    """`name` → text, `name[]` → list, `name[key]` → map."""
    found: dict[str, object] = {}
    for name, value in fields.multi_items():
        if isinstance(value, UploadFile):
            if name != "file":
                raise wire.Refused(f"unknown file field {name!r}", param=name, fix="send one file, in `file`")
        elif listed := _LIST.match(name):
            into = found.setdefault(listed[1], [])
            if isinstance(into, list):
                into.append(value)
        elif nested := _NESTED.match(name):
            into = found.setdefault(nested[1], {})
            if isinstance(into, dict):
                into[nested[2]] = value
        else:
            found[name] = value
    return found
