"""What PostgreSQL itself refuses of deliveries, one statement each, for a migration."""

from __future__ import annotations

from orchestrator.billing.delivery.states import DeliveryKind, DeliveryState

_STATES = ", ".join(f"'{state.value}'" for state in DeliveryState)
_KINDS = ", ".join(f"'{kind.value}'" for kind in DeliveryKind)

CONSTRAINTS: tuple[str, ...] = (
    f"ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_state_check CHECK (state IN ({_STATES}))",
    f"ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_kind_check CHECK (kind IN ({_KINDS}))",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_channel_check "
    "CHECK (channel ~ '^[a-z0-9_]{1,20}$')",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_sent_check "
    "CHECK (state <> 'sent' OR sent_at IS NOT NULL)",
    "ALTER TABLE document_delivery ADD CONSTRAINT document_delivery_said_why_check "
    "CHECK (state NOT IN ('failed', 'bounced', 'not_sent') OR (error <> '' AND finished_at IS NOT NULL))",
    "CREATE INDEX document_delivery_merchant_idx ON document_delivery (merchant_id, id DESC)",
    "CREATE INDEX document_delivery_object_idx ON document_delivery (object_id, id)",
    "CREATE INDEX document_delivery_thread_idx ON document_delivery (thread_id, id)",
    "CREATE UNIQUE INDEX document_delivery_message_key ON document_delivery (channel, message_id) "
    "WHERE message_id <> ''",
)
