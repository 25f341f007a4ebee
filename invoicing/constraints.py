"""What PostgreSQL itself refuses: doubled numbers, impossible amounts, and any change to what was issued.

One statement each, in order, re-runnable: Piccolo records a migration after the migration's own transaction (trap P24).
"""

from __future__ import annotations

from invoicing.drafts import DocumentType
from invoicing.lifecycle import ApplicationKind, InvoiceState
from invoicing.problems import ProblemKind

_STATES = ", ".join(f"'{state}'" for state in InvoiceState)
_KINDS = ", ".join(f"'{kind}'" for kind in DocumentType)
_APPLICATIONS = ", ".join(f"'{kind}'" for kind in ApplicationKind)
_PROBLEMS = ", ".join(f"'{kind}'" for kind in ProblemKind)
_SETTLED = "paid_minor + credited_minor + discount_minor + written_off_minor"
BARE_NUMBER = "regexp_replace(upper(number), '[^A-Z0-9]', '', 'g')"
_ASKED = "total_minor + rounding_minor"

_CHECKS: dict[str, dict[str, str]] = {
    "invoice": {
        "invoice_state_check": f"state IN ({_STATES})",
        "invoice_currency_check": "currency ~ '^[A-Z][A-Z][A-Z]$'",
        "invoice_amounts_check": (
            # the last part of what is credited may hold less tax than none, where lines of both signs met
            "net_minor >= 0 AND (tax_minor >= 0 OR kind = 'credit_note') AND total_minor >= 0"
            " AND paid_minor >= 0 AND credited_minor >= 0 AND discount_minor >= 0"
            f" AND written_off_minor >= 0 AND {_SETTLED} <= {_ASKED}"
        ),
        "invoice_credit_notes_check": f"credit_notes_minor BETWEEN 0 AND {_ASKED}",
        "invoice_kind_check": f"kind IN ({_KINDS}) AND (kind = 'invoice' OR {_SETTLED} + credit_notes_minor = 0)",
        "invoice_total_check": "total_minor = net_minor + tax_minor",
        "invoice_issued_check": (
            "(state = 'draft') = (issued_at IS NULL)"
            " AND num_nulls(number, issue_date, due_date, document, issued_at) IN (0, 5)"
        ),
        "invoice_paid_check": f"state <> 'paid' OR ({_SETTLED} = {_ASKED} AND paid_at IS NOT NULL)",
        "invoice_pdf_check": "num_nulls(pdf, pdf_sha256) IN (0, 2) AND (pdf IS NULL OR issued_at IS NOT NULL)",
    },
    "invoice_application": {
        "invoice_application_kind_check": f"kind IN ({_APPLICATIONS})",
        "invoice_application_amounts_check": (
            "(amount_minor <> 0 OR applied_minor <> 0)"
            " AND (kind NOT IN ('payment', 'receipt', 'credit_note') OR applied_minor BETWEEN 0 AND amount_minor)"
        ),
        "invoice_application_currency_check": "currency ~ '^[A-Z][A-Z][A-Z]$'",
        "invoice_application_moved_check": (
            "num_nulls(moved_minor, moved_currency) IN (0, 2) AND moved_currency <> currency"
            " AND (fx_difference_minor IS NULL OR moved_minor IS NOT NULL)"
        ),
    },
    "receipt": {
        "receipt_amounts_check": "amount_minor > 0 AND credited_minor BETWEEN 0 AND amount_minor",
        "receipt_currency_check": "currency ~ '^[A-Z][A-Z][A-Z]$'",
    },
    "credit_payout": {
        "credit_payout_amount_check": "amount_minor > 0",
        "credit_payout_currency_check": "currency ~ '^[A-Z][A-Z][A-Z]$'",
    },
    "invoice_batch_item": {
        "invoice_batch_item_state_check": "state IN ('waiting', 'issued', 'refused', 'failed')",
        "invoice_batch_item_tries_check": "tries >= 0",
    },
    "document_template_version": {"document_template_version_kind_check": f"kind IN ({_KINDS})"},
    "document_problem": {
        "document_problem_kind_check": f"kind IN ({_PROBLEMS})",
        "document_problem_times_check": "times > 0 AND first_at <= last_at",
    },
    "number_series": {"number_series_next_seq_check": "next_seq >= 1"},
    "reminder": {
        "reminder_amounts_check": (
            "owed_minor > 0 AND interest_minor >= 0 AND fee_minor >= 0 AND total_minor >= owed_minor"
        ),
    },
    "late_charge_billed": {
        "late_charge_billed_amounts_check": "interest_minor >= 0 AND fee_minor >= 0 AND interest_minor + fee_minor > 0"
    },
    "late_base_rate": {
        "late_base_rate_range_check": "rate_bps BETWEEN -1000 AND 10000",
        "late_base_rate_since_check": "to_char(since, 'MM-DD') IN ('01-01', '07-01')",
    },
}

_INDEXES = (
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_number_key ON invoice (merchant_id, number) WHERE number IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS invoice_merchant_idx ON invoice (merchant_id, id)",
    "CREATE INDEX IF NOT EXISTS invoice_customer_idx ON invoice (merchant_id, customer_id, id)",
    "CREATE INDEX IF NOT EXISTS invoice_due_idx ON invoice (due_date) WHERE state IN ('open', 'partly_paid')",
    # One payment, receipt or credit note settles an invoice once; what changes it later has a kind of its own.
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_application_once_key "
    "ON invoice_application (source_id, invoice_id, kind) WHERE kind IN ('payment', 'receipt', 'credit_note')",
    "CREATE INDEX IF NOT EXISTS invoice_application_invoice_idx ON invoice_application (invoice_id, id)",
    "CREATE INDEX IF NOT EXISTS invoice_application_source_idx ON invoice_application (source_id)",
    "CREATE INDEX IF NOT EXISTS invoice_kind_idx ON invoice (merchant_id, kind, id)",
    "CREATE INDEX IF NOT EXISTS invoice_origin_idx ON invoice (origin_id) WHERE origin_id IS NOT NULL",
    "CREATE UNIQUE INDEX IF NOT EXISTS receipt_number_key ON receipt (merchant_id, number)",
    "CREATE UNIQUE INDEX IF NOT EXISTS receipt_reference_key ON receipt (merchant_id, source, reference)",
    # A receipt is taken back once, and once off each invoice.
    "CREATE UNIQUE INDEX IF NOT EXISTS receipt_reversal_key ON receipt_reversal (receipt_id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_application_reversed_key "
    "ON invoice_application (source_id, invoice_id) WHERE kind = 'receipt_reversal'",
    "CREATE UNIQUE INDEX IF NOT EXISTS credit_payout_reference_key ON credit_payout (merchant_id, reference)",
    "CREATE INDEX IF NOT EXISTS credit_payout_customer_idx ON credit_payout (merchant_id, customer_id, id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS invoice_batch_item_key ON invoice_batch_item (batch_id, invoice_id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS number_series_name_key ON number_series (merchant_id, series)",
    # By what a payer writes of it, without its signs: see invoicing/remittance.py.
    f"CREATE INDEX IF NOT EXISTS invoice_bare_number_idx ON invoice (merchant_id, ({BARE_NUMBER}))"
    " WHERE kind = 'invoice' AND number IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS late_base_rate_merchant_idx ON late_base_rate (merchant_id, series, since, id)",
    # Two series with one pattern would hand out the same numbers.
    "CREATE UNIQUE INDEX IF NOT EXISTS number_series_pattern_key ON number_series (merchant_id, pattern)",
    # No level of an invoice's part is sent twice, whoever is at work.
    "CREATE UNIQUE INDEX IF NOT EXISTS reminder_level_key ON reminder (invoice_id, part_due, level)",
    "CREATE UNIQUE INDEX IF NOT EXISTS reminder_number_key ON reminder (merchant_id, number)",
    "CREATE INDEX IF NOT EXISTS reminder_merchant_idx ON reminder (merchant_id, id)",
    "CREATE INDEX IF NOT EXISTS reminder_customer_idx ON reminder (merchant_id, customer_id, id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS reminder_pause_key ON reminder_pause (merchant_id, subject_id)",
    "CREATE INDEX IF NOT EXISTS late_charge_billed_idx ON late_charge_billed (invoice_id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS branding_version_key ON branding_version (merchant_id, version)",
    "CREATE UNIQUE INDEX IF NOT EXISTS document_template_version_key "
    "ON document_template_version (merchant_id, kind, version)",
    # The problems of a document are read with it, each kind once.
    "CREATE UNIQUE INDEX IF NOT EXISTS document_problem_key ON document_problem (document_id, kind)",
    "CREATE INDEX IF NOT EXISTS document_problem_open_idx ON document_problem (merchant_id) WHERE solved_at IS NULL",
)

_FROZEN = (
    "id",
    "merchant_id",
    "customer_id",
    "number",
    "currency",
    "net_minor",
    "tax_minor",
    "total_minor",
    "rounding_minor",
    "issue_date",
    "due_date",
    "locale",
    "kind",
    "series",
    "reference",
    "origin_id",
    "valid_until",
    "draft",
    "document",
    "created_at",
    "issued_at",
)

_NEW_FROZEN = ", ".join(f"NEW.{name}" for name in _FROZEN)
_OLD_FROZEN = ", ".join(f"OLD.{name}" for name in _FROZEN)

_TRIGGERS = (
    f"""
    CREATE OR REPLACE FUNCTION invoice_keep_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.issued_at IS NULL THEN
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END IF;
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be deleted', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF ({_NEW_FROZEN}) IS DISTINCT FROM ({_OLD_FROZEN})
           OR (OLD.pdf_sha256 IS NOT NULL
               AND (NEW.pdf, NEW.pdf_sha256) IS DISTINCT FROM (OLD.pdf, OLD.pdf_sha256)) THEN
            RAISE EXCEPTION 'invoice % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER IF EXISTS invoice_keep_issued ON invoice",
    """
    CREATE TRIGGER invoice_keep_issued BEFORE UPDATE OR DELETE ON invoice
    FOR EACH ROW EXECUTE FUNCTION invoice_keep_issued()
    """,
    """
    CREATE OR REPLACE FUNCTION invoice_application_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    "DROP TRIGGER IF EXISTS invoice_application_append_only ON invoice_application",
    """
    CREATE TRIGGER invoice_application_append_only BEFORE UPDATE OR DELETE ON invoice_application
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS late_base_rate_append_only ON late_base_rate",
    """
    CREATE TRIGGER late_base_rate_append_only BEFORE UPDATE OR DELETE ON late_base_rate
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS receipt_append_only ON receipt",
    """
    CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE ON receipt
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS receipt_reversal_append_only ON receipt_reversal",
    """
    CREATE TRIGGER receipt_reversal_append_only BEFORE UPDATE OR DELETE ON receipt_reversal
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS credit_payout_append_only ON credit_payout",
    """
    CREATE TRIGGER credit_payout_append_only BEFORE UPDATE OR DELETE ON credit_payout
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS branding_version_append_only ON branding_version",
    """
    CREATE TRIGGER branding_version_append_only BEFORE UPDATE OR DELETE ON branding_version
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
    "DROP TRIGGER IF EXISTS document_template_version_append_only ON document_template_version",
    """
    CREATE TRIGGER document_template_version_append_only BEFORE UPDATE OR DELETE ON document_template_version
    FOR EACH ROW EXECUTE FUNCTION invoice_application_append_only()
    """,
)

_LETTER = (
    "id",
    "merchant_id",
    "customer_id",
    "invoice_id",
    "part_due",
    "level",
    "number",
    "issued_on",
    "deadline",
    "currency",
    "owed_minor",
    "interest_minor",
    "fee_minor",
    "total_minor",
    "by_hand",
    "letter",
    "created_at",
)
_NEW_LETTER = ", ".join(f"NEW.{name}" for name in _LETTER)
_OLD_LETTER = ", ".join(f"OLD.{name}" for name in _LETTER)

_REMINDER_TRIGGERS = (
    f"""
    CREATE OR REPLACE FUNCTION reminder_keep_letter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF ({_NEW_LETTER}) IS DISTINCT FROM ({_OLD_LETTER})
           OR (OLD.pdf IS NOT NULL AND NEW.pdf IS DISTINCT FROM OLD.pdf) THEN
            RAISE EXCEPTION 'reminder % was issued and cannot be changed', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER IF EXISTS reminder_keep_letter ON reminder",
    """
    CREATE TRIGGER reminder_keep_letter BEFORE UPDATE ON reminder
    FOR EACH ROW EXECUTE FUNCTION reminder_keep_letter()
    """,
)

CONSTRAINTS: tuple[str, ...] = (
    *(
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in _CHECKS.items()
        for name, rule in rules.items()
    ),
    *_INDEXES,
    *_TRIGGERS,
    *_REMINDER_TRIGGERS,
)
