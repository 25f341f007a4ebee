"""Piccolo's entry: the engine by DATABASE_URL, and the four apps."""

import os

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine


class Engine(PostgresEngine):
    """An engine that does not dial the database when it is imported (library trap P5)."""

    async def check_version(self) -> None:
        return None


DB = Engine(config={"dsn": os.environ.get("DATABASE_URL", "")}, extensions=())

APP_REGISTRY = AppRegistry(
    apps=["currency.piccolo_app", "routing.piccolo_app", "invoicing.piccolo_app", "orchestrator.piccolo_app"]
)
