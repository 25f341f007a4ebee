"""The Piccolo configuration of the runner's processes in the tests: one app, and the database of the test."""

import os

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine

DB = PostgresEngine(config={"dsn": os.environ["DATABASE_URL"]}, extensions=())
APP_REGISTRY = AppRegistry(apps=[])
