from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-01-01T00:00:00:000002"


class Raw(Table):
    pass


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="slow_app")

    async def run() -> None:
        await Raw.raw("CREATE TABLE second_made (n int)").run()
        await Raw.raw("SELECT pg_sleep(1)").run()
        await Raw.raw("INSERT INTO second_made VALUES (1)").run()

    manager.add_raw(run)
    return manager
