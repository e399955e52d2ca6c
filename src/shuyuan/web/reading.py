"""The signed-in reader of a page, in the language the page is shown in."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.web import preferences


def reader(request: Request, principal: Annotated[Principal, Depends(caller)]) -> Principal:
    """The caller; services that answer in words answer in the language of the page."""
    return replace(principal, language=preferences.read(request, principal).language)


Reader = Annotated[Principal, Depends(reader)]
