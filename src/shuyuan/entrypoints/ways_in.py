"""Single-use links into a home: to the demo's doors, or for the first administrator."""

from dataclasses import dataclass

from shuyuan import compose, demo
from shuyuan.identity.interface import Identity


@dataclass(frozen=True)
class Link:
    """A token for `/enter/`, and what it is for in words."""

    token: str
    purpose: str


def make(platform: compose.Platform) -> Link | None:
    """A fresh link; None where a school of real people lives, which is entered by signing in."""
    identity: Identity = platform.get("identity")
    schools = identity.schools()
    if any(school.demo for school in schools):
        return Link(demo.link(platform), "enter the demo school")
    return None if schools else Link(identity.create_link("first_admin"), "make the first administrator")
