"""HTTP: the application, its pure-ASGI middleware, error answers and the health routes.

Knows nothing of schools or pages: who may call is asked of a `Gate` given by the composer, and errors under
a path prefix are rendered by whoever registered that prefix.
"""

from shuyuan.kernel.http.app import Gate, RouteKey, build_app, route_keys

__all__ = ["Gate", "RouteKey", "build_app", "route_keys"]
