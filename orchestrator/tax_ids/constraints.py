"""What PostgreSQL itself refuses of VAT ids: one twice for a merchant, and any change to what was answered or kept."""

from __future__ import annotations

CONSTRAINTS: tuple[str, ...] = (
    "ALTER TABLE vat_id ADD CONSTRAINT vat_id_state_check "
    "CHECK (state IN ('pending', 'valid', 'invalid', 'unavailable'))",
    "ALTER TABLE vat_id_answer ADD CONSTRAINT vat_id_answer_state_check CHECK (state IN ('valid', 'invalid'))",
    "CREATE UNIQUE INDEX vat_id_merchant_key ON vat_id (merchant_id, vat_id)",
    "CREATE INDEX vat_id_due_idx ON vat_id (prefix, due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX vat_id_answer_vat_id_idx ON vat_id_answer (vat_id_id, answered_at)",
    "CREATE INDEX vat_id_holder_vat_id_idx ON vat_id_holder (vat_id_id)",
    "CREATE INDEX vat_id_on_invoice_vat_id_idx ON vat_id_on_invoice (vat_id_id)",
    # may be taken out with an id that no document rests on, and never changed
    "CREATE TRIGGER vat_id_answer_fixed BEFORE UPDATE ON vat_id_answer "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER vat_id_on_invoice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vat_id_on_invoice "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)
