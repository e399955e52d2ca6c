"""Names become addresses as usual, except those that lead to a machine's own secrets."""

import socket

from aiohttp import abc, resolver

from shuyuan.kernel import origins


class Resolver(resolver.ThreadedResolver):
    """The system's resolver; link-local addresses are dropped from what it found."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        """Raises OSError when nothing else is left."""
        found = [one for one in await super().resolve(host, port, family) if not origins.is_link_local(one["host"])]
        if not found:
            raise OSError(None, f"{host} leads to a link-local address")
        return found
