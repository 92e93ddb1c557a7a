"""ZaloPay on localhost: an ASGI app that takes orders, lets users pay them, calls back and refunds."""

from starlette.applications import Starlette

from . import admin, cashier, openapi
from .settings import Settings
from .simulator import Simulator
from .storage import Storage

__all__ = ["Settings", "Storage", "create_app"]


def create_app(settings: Settings | None = None, storage: Storage | None = None) -> Starlette:
    """Return an app that needs no lifespan, so that it also runs under Mangum."""
    app = Starlette(routes=[*openapi.ROUTES, *admin.ROUTES, *cashier.ROUTES])
    app.state.simulator = Simulator(settings or Settings(), storage)
    return app
