"""The orchestrator as a Piccolo app: its tables and migrations."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="orchestrator",
    migrations_folder_path=str(Path(__file__).parent / "piccolo_migrations"),
    table_classes=table_finder(
        [
            "orchestrator.access.tables",
            "orchestrator.billing.transmissions.tables",
            "orchestrator.checkouts.tables",
            "orchestrator.abuse.tables",
            "orchestrator.approvals.tables",
            "orchestrator.billing.automatic_charge.tables",
            "orchestrator.billing.delivery.tables",
            "orchestrator.customers.tables",
            "orchestrator.disputes.tables",
            "orchestrator.fx.tables",
            "orchestrator.gateways.tables",
            "orchestrator.installation.tables",
            "orchestrator.ledger.tables",
            "orchestrator.notifications.tables",
            "orchestrator.outbox",
            "orchestrator.payments.tables",
            "orchestrator.reconciliation.tables",
            "orchestrator.recipients.tables",
            "orchestrator.refunds.tables",
            "orchestrator.tax_ids.tables",
            "orchestrator.webhooks.tables",
        ],
        exclude_imported=True,
    ),
)
