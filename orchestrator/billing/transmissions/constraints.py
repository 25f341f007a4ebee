"""What PostgreSQL itself refuses of transmissions, and the indexes that find them."""

from __future__ import annotations

from invoicing.einvoice.transmission import TransmissionState

_STATES = ", ".join(repr(state.value) for state in TransmissionState)

CONSTRAINTS: tuple[str, ...] = (
    f"ALTER TABLE transmission ADD CONSTRAINT transmission_state_check CHECK (state IN ({_STATES}))",
    # a document goes by a channel once, however many workers and calls want it to
    "CREATE UNIQUE INDEX transmission_document_key ON transmission (document_id, channel)",
    "CREATE INDEX transmission_merchant_idx ON transmission (merchant_id, id DESC)",
    "CREATE INDEX transmission_open_idx ON transmission (id) WHERE state IN ('sent', 'delivered')",
    # what is kept was hashed, and nothing is sent that was not kept
    "ALTER TABLE transmission ADD CONSTRAINT transmission_kept_check CHECK ((xml IS NULL) = (sha256 = ''))",
    "ALTER TABLE transmission ADD CONSTRAINT transmission_sent_check CHECK "
    "(state IN ('queued', 'failed') OR (xml IS NOT NULL AND sent_at IS NOT NULL))",
    "CREATE UNIQUE INDEX transmission_acknowledgement_report_key "
    "ON transmission_acknowledgement (transmission_id, report_id)",
    "CREATE TRIGGER transmission_acknowledgement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
    "ON transmission_acknowledgement FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)
