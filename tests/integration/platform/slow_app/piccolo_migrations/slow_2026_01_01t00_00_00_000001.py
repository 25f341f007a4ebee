from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-01-01T00:00:00:000001"


class Raw(Table):
    pass


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="slow_app")

    async def run() -> None:
        await Raw.raw("CREATE TABLE first_made (n int)").run()

    manager.add_raw(run)
    return manager
