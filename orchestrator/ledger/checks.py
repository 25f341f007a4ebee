"""What must hold between the ledger and everything else, each as one query that finds what does not.

They read the tables of the packages above by name and change nothing. Columns of a finding: merchant_id, subject,
detail, expected, actual. `$1` are the gateways whose recipients are paid by transfers after the capture.
"""

# ruff: noqa: S608 - nothing in these queries comes from outside

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`looks_at` is one sentence of what must hold; `sql` selects the findings."""

    name: str
    looks_at: str
    sql: str


# By journal: what it did to clearing accounts, in each currency.
_CLEARED = """
    SELECT j.id AS journal_id, t.currency, sum(CASE WHEN d.kind = 'gateway_clearing' THEN t.amount_minor ELSE 0 END
        - CASE WHEN c.kind = 'gateway_clearing' THEN t.amount_minor ELSE 0 END) AS net_minor
    FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id
    JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id
    GROUP BY j.id, t.currency"""

_OPERATIONS = f"""
    WITH cleared AS ({_CLEARED}),
    moved AS (
        SELECT o.id, p.merchant_id, o.currency, o.state = 'settled' AND o.outcome = 'approved' AS stands,
            CASE WHEN o.kind = 'refund' THEN -o.amount_minor ELSE o.amount_minor END AS amount_minor
        FROM operation o JOIN payment p ON p.id = o.payment_id WHERE o.captures OR o.kind IN ('capture', 'refund')
    ),
    booked AS (
        SELECT j.operation_id AS id, min(j.merchant_id) AS merchant_id, max(c.currency) AS currency,
            sum(CASE WHEN j.kind = 'reversal' THEN -1 ELSE 1 END) AS standing,
            COALESCE(sum(c.net_minor), 0) AS net_minor
        FROM ledger_journal j LEFT JOIN cleared c ON c.journal_id = j.id
        WHERE j.operation_id <> '' AND j.kind IN ('payment', 'refund', 'reversal') AND j.journal_key NOT LIKE 'split%'
        GROUP BY j.operation_id
    ),
    both_sides AS (
        SELECT COALESCE(m.merchant_id, b.merchant_id) AS merchant_id, COALESCE(m.id, b.id) AS subject,
            m.id IS NOT NULL AS known, COALESCE(m.stands, false) AS stands, COALESCE(b.standing, 0) AS standing,
            CASE WHEN m.stands THEN m.amount_minor ELSE 0 END AS amount_minor, COALESCE(b.net_minor, 0) AS net_minor,
            m.currency AS asked, COALESCE(b.currency, m.currency) AS posted
        FROM moved m FULL JOIN booked b ON b.id = m.id
    )
    SELECT merchant_id, subject,
        CASE WHEN NOT known THEN 'journals of an operation that does not exist'
            WHEN stands AND standing = 0 THEN 'money moved and no journal has it'
            WHEN NOT stands AND standing > 0 THEN 'a journal of money that did not move'
            ELSE 'its journals do not add up to it' END AS detail,
        CASE WHEN stands THEN 1 ELSE 0 END || ' journal of ' || amount_minor || ' ' || COALESCE(asked, posted)
            AS expected,
        standing || ' journal of ' || net_minor || ' ' || COALESCE(posted, asked) AS actual
    FROM both_sides
    WHERE NOT known OR standing <> CASE WHEN stands THEN 1 ELSE 0 END OR amount_minor <> net_minor OR asked <> posted"""

_DISPUTES = """
    WITH booked AS (
        SELECT split_part(j.journal_key, ':', 2) AS id, min(j.merchant_id) AS merchant_id,
            count(DISTINCT j.id) AS journals,
            COALESCE(sum(CASE j.kind WHEN 'dispute' THEN t.amount_minor
                WHEN 'dispute_reversal' THEN -t.amount_minor END), 0) AS withdrawn_minor,
            COALESCE(sum(CASE WHEN d.kind = 'chargebacks' THEN t.amount_minor
                WHEN c.kind = 'chargebacks' THEN -t.amount_minor END), 0) AS lost_minor
        FROM ledger_journal j LEFT JOIN ledger_transfer t ON t.journal_id = j.id
        LEFT JOIN ledger_account d ON d.id = t.debit_account_id LEFT JOIN ledger_account c ON c.id = t.credit_account_id
        WHERE j.journal_key LIKE 'dispute:%' GROUP BY 1
    )
    SELECT COALESCE(d.merchant_id, b.merchant_id) AS merchant_id, COALESCE(d.id, b.id) AS subject,
        CASE WHEN d.id IS NULL THEN 'journals of a dispute that does not exist'
            ELSE 'its journals do not add up to what is withdrawn and lost' END AS detail,
        COALESCE(d.withdrawn_minor, 0) || ' withdrawn, ' || COALESCE(d.written_off_minor, 0) || ' lost, '
            || COALESCE(d.postings, 0) || ' journals' AS expected,
        COALESCE(b.withdrawn_minor, 0) || ' withdrawn, ' || COALESCE(b.lost_minor, 0) || ' lost, '
            || COALESCE(b.journals, 0) || ' journals' AS actual
    FROM dispute d FULL JOIN booked b ON b.id = d.id
    WHERE d.id IS NULL OR (d.withdrawn_minor, d.written_off_minor, d.postings)
        <> (COALESCE(b.withdrawn_minor, 0), COALESCE(b.lost_minor, 0), COALESCE(b.journals, 0))"""

_REVERSALS = """
    SELECT r.merchant_id, r.journal_key AS subject,
        CASE WHEN o.id IS NULL THEN 'it takes back a journal that does not exist'
            ELSE 'it does not take back what the journal had' END AS detail,
        'every account as before the journal' AS expected, COALESCE(left_over.told, 'no such journal') AS actual
    FROM ledger_journal r LEFT JOIN ledger_journal o ON o.journal_key = left(r.journal_key, -length(':reversed'))
    CROSS JOIN LATERAL (
        SELECT string_agg(account_id || ': ' || net, ', ') AS told FROM (
            SELECT account_id, sum(net) AS net FROM ledger_transfer t CROSS JOIN LATERAL (VALUES
                (t.debit_account_id, t.amount_minor), (t.credit_account_id, -t.amount_minor)) side (account_id, net)
            WHERE t.journal_id IN (r.id, o.id) GROUP BY account_id HAVING sum(net) <> 0) differing
    ) left_over
    WHERE r.journal_key LIKE '%:reversed' AND (o.id IS NULL OR left_over.told IS NOT NULL)"""

_JOURNALS = """
    SELECT j.merchant_id, j.journal_key AS subject,
        CASE WHEN t.id IS NULL THEN 'a journal without transfers'
            WHEN j.merchant_id <> d.merchant_id OR j.merchant_id <> c.merchant_id THEN 'accounts of another merchant'
            WHEN t.currency <> d.currency OR t.currency <> c.currency THEN 'it does not balance in each currency'
            ELSE 'a transfer that moves nothing' END AS detail,
        COALESCE(t.amount_minor || ' ' || t.currency || ' to and from accounts in it', 'transfers') AS expected,
        COALESCE(t.amount_minor || ', debit in ' || d.currency || ', credit in ' || c.currency, 'none') AS actual
    FROM ledger_journal j LEFT JOIN ledger_transfer t ON t.journal_id = j.id
    LEFT JOIN ledger_account d ON d.id = t.debit_account_id LEFT JOIN ledger_account c ON c.id = t.credit_account_id
    WHERE t.id IS NULL OR t.amount_minor <= 0 OR d.id = c.id OR t.currency <> d.currency OR t.currency <> c.currency
        OR j.merchant_id <> d.merchant_id OR j.merchant_id <> c.merchant_id
    UNION ALL
    SELECT j.merchant_id, j.journal_key, 'a conversion that does not go through the position account',
        'two currencies, each by way of fx_position',
        string_agg(t.currency || ': ' || d.kind || ' from ' || c.kind, ', ')
    FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.id
    JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id
    WHERE j.kind = 'conversion' GROUP BY j.id, j.merchant_id, j.journal_key
    HAVING count(DISTINCT t.currency) <> 2 OR NOT bool_and('fx_position' IN (d.kind, c.kind))"""

_PROJECTION = """
    WITH truth AS (
        SELECT account_id, day, sum(debits) AS debits, sum(credits) AS credits FROM (
            SELECT t.debit_account_id AS account_id, (j.occurred_at AT TIME ZONE 'UTC')::date AS day,
                t.amount_minor AS debits, 0 AS credits
            FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id
            UNION ALL SELECT t.credit_account_id, (j.occurred_at AT TIME ZONE 'UTC')::date, 0, t.amount_minor
            FROM ledger_transfer t JOIN ledger_journal j ON j.id = t.journal_id
        ) sides GROUP BY account_id, day
    ),
    projected AS (
        SELECT account_id, day, sum(debits) AS debits, sum(credits) AS credits FROM (
            SELECT account_id, day, debits_minor AS debits, credits_minor AS credits FROM ledger_day
            UNION ALL SELECT debit_account_id, day, amount_minor, 0 FROM ledger_unfolded
            UNION ALL SELECT credit_account_id, day, 0, amount_minor FROM ledger_unfolded
        ) sides GROUP BY account_id, day
    )
    SELECT COALESCE(a.merchant_id, '') AS merchant_id, COALESCE(t.account_id, p.account_id) AS subject,
        'of ' || COALESCE(t.day, p.day) || ': run `clearway ledger rebuild`' AS detail,
        COALESCE(t.debits, 0) || ' debits, ' || COALESCE(t.credits, 0) || ' credits' AS expected,
        COALESCE(p.debits, 0) || ' debits, ' || COALESCE(p.credits, 0) || ' credits' AS actual
    FROM truth t FULL JOIN projected p ON (p.account_id, p.day) = (t.account_id, t.day)
    LEFT JOIN ledger_account a ON a.id = COALESCE(t.account_id, p.account_id)
    WHERE (COALESCE(t.debits, 0), COALESCE(t.credits, 0)) <> (COALESCE(p.debits, 0), COALESCE(p.credits, 0))"""

_PAYMENTS = """
    SELECT p.merchant_id, p.id AS subject, 'its amounts are not those of its operations' AS detail,
        s.captured || ' captured, ' || s.refunded || ' given back' AS expected,
        p.amount_captured_minor || ' captured, ' || p.amount_refunded_minor || ' given back' AS actual
    FROM payment p CROSS JOIN LATERAL (
        SELECT COALESCE(sum(o.amount_minor) FILTER (WHERE o.captures OR o.kind = 'capture'), 0) AS captured,
            COALESCE(sum(o.amount_minor) FILTER (WHERE o.kind = 'refund'), 0) AS refunded
        FROM operation o WHERE o.payment_id = p.id AND o.state = 'settled' AND o.outcome = 'approved'
    ) s
    WHERE (p.amount_captured_minor, p.amount_refunded_minor) <> (s.captured, s.refunded)"""

# Of an under-capture Stripe reports the whole authorisation, and takes the rest back on a line of its own.
_REPORTED = """l.gross_minor + COALESCE((
            SELECT sum(rest.gross_minor) FROM settlement_line rest WHERE rest.line_type = 'capture_reversal'
                AND l.line_type = 'payment' AND rest.line_key = rest.natural_key
                AND rest.gateway_account_id = l.gateway_account_id
                AND rest.gateway_operation_id = l.gateway_operation_id), 0)"""

# As gateways tell it: gross and net of two currencies, a pair of rows, or all in the currency that is paid out.
_EXCHANGED = f"""
            SELECT l.merchant_id, l.id, side.currency, side.net_minor FROM settlement_line l CROSS JOIN LATERAL (VALUES
                (l.gross_currency, -l.gross_minor), (l.net_currency, l.net_minor + l.fee_minor)
            ) side (currency, net_minor)
            WHERE l.line_key = l.natural_key AND l.gross_currency <> l.net_currency
                AND sign(l.gross_minor) * sign(l.net_minor + l.fee_minor) > 0
            UNION ALL
            SELECT l.merchant_id, l.id, side.currency, side.net_minor FROM settlement_line l
            JOIN settlement_match m ON m.line_id = l.id AND m.status = 'matched'
            JOIN settlement_line came ON came.line_type = 'fx' AND came.gross_minor > 0
                AND came.line_key = came.natural_key AND came.gateway_account_id = l.gateway_account_id
                AND came.gateway_parent_id = l.gateway_parent_id
            CROSS JOIN LATERAL (VALUES (l.gross_currency, l.gross_minor), (came.gross_currency, came.gross_minor))
                side (currency, net_minor)
            WHERE l.line_type = 'fx' AND l.gross_minor < 0 AND l.line_key = l.natural_key
            UNION ALL
            SELECT l.merchant_id, l.id, l.gross_currency, {_REPORTED} FROM settlement_line l
            WHERE l.conversion_turns % 2 = 1 AND l.line_type <> 'fx' AND l.gross_currency = l.net_currency
            UNION ALL
            SELECT l.merchant_id, l.id, c.currency, -c.net_minor FROM settlement_line l
            JOIN (SELECT line_id, movement_id FROM settlement_match WHERE status = 'matched'
                UNION SELECT line_id, movement_id FROM settlement_break
                WHERE kind IN ('fee_mismatch', 'duplicate_charge') AND resolution IS DISTINCT FROM 'cleared') found
                ON found.line_id = l.id
            JOIN ledger_journal j ON j.journal_key = found.movement_id JOIN cleared c ON c.journal_id = j.id
            WHERE l.conversion_turns % 2 = 1 AND l.line_type <> 'fx' AND l.gross_currency = l.net_currency"""

_CLEARING = f"""
    WITH cleared AS ({_CLEARED}),
    matched AS (
        SELECT m.merchant_id, m.line_id, m.movement_id, l.gross_currency AS currency, {_REPORTED} AS reported_minor
        FROM settlement_match m JOIN settlement_line l ON l.id = m.line_id
        WHERE m.status = 'matched' AND m.movement_id IS NOT NULL
    )
    SELECT m.merchant_id, m.movement_id AS subject,
        'the report line ' || m.line_id || ' that it is matched with' AS detail,
        m.reported_minor || ' ' || m.currency AS expected,
        COALESCE(c.net_minor || ' ' || c.currency, 'no journal') AS actual
    FROM matched m LEFT JOIN ledger_journal j ON j.journal_key = m.movement_id
    LEFT JOIN cleared c ON c.journal_id = j.id
    WHERE c.journal_id IS NULL OR (c.currency = m.currency AND c.net_minor <> m.reported_minor)
    UNION ALL
    SELECT COALESCE(due.merchant_id, done.merchant_id), COALESCE(due.line_id, done.line_id),
        'what the report line does to clearing by itself: fee, payout, reserve, suspense, exchange',
        COALESCE(due.net_minor, 0) || ' ' || COALESCE(due.currency, done.currency),
        COALESCE(done.net_minor, 0) || ' ' || COALESCE(due.currency, done.currency)
    FROM (
        SELECT merchant_id, line_id, currency, sum(net_minor) AS net_minor FROM (
            SELECT merchant_id, id AS line_id,
                CASE WHEN line_type = 'fee' THEN net_currency ELSE fee_currency END AS currency,
                CASE WHEN line_type = 'fee' THEN net_minor ELSE -fee_minor END AS net_minor
            FROM settlement_line WHERE line_key = natural_key
            UNION ALL SELECT merchant_id, id, gross_currency, gross_minor FROM settlement_line
            WHERE line_key = natural_key
                AND line_type IN ('payout', 'payout_reversal', 'reserve_hold', 'reserve_release')
            UNION ALL SELECT merchant_id, id, gross_currency, gross_minor FROM settlement_line
            WHERE suspense_turns % 2 = 1
            UNION ALL {_EXCHANGED}
        ) parts GROUP BY merchant_id, line_id, currency
    ) due
    FULL JOIN (
        SELECT j.merchant_id, split_part(j.journal_key, ':', 2) AS line_id, c.currency, sum(c.net_minor) AS net_minor
        FROM ledger_journal j JOIN cleared c ON c.journal_id = j.id WHERE j.journal_key LIKE 'settlement:%'
        GROUP BY 1, 2, 3
    ) done ON (done.line_id, done.currency) = (due.line_id, due.currency)
    WHERE COALESCE(due.net_minor, 0) <> COALESCE(done.net_minor, 0)"""

_BALANCE = """
    SELECT a.merchant_id, a.recipient_id, a.currency, sum(side.net) AS net_minor FROM ledger_account a
    JOIN LATERAL (
        SELECT t.amount_minor AS net FROM ledger_transfer t WHERE t.debit_account_id = a.id
        UNION ALL SELECT -t.amount_minor FROM ledger_transfer t WHERE t.credit_account_id = a.id
    ) side ON true
    WHERE a.kind = '{kind}' GROUP BY 1, 2, 3"""

_RECEIVABLE = f"""
    WITH ledger AS ({_BALANCE.format(kind="customer_receivable")}),
    owed AS (
        SELECT merchant_id, currency, sum(minor) AS minor FROM (
            SELECT merchant_id, currency,
                total_minor + rounding_minor - paid_minor - credited_minor - discount_minor - written_off_minor AS minor
            FROM invoice WHERE kind = 'invoice' AND issued_at IS NOT NULL
            -- captured and not yet put to its invoice: the outbox is about to. Or taken twice and not yet given back
            UNION ALL SELECT p.merchant_id, p.currency, -(p.amount_captured_minor - COALESCE((
                SELECT sum(o.amount_minor) FROM operation o WHERE o.payment_id = p.id AND o.kind = 'refund'
                    AND o.cause = 'surplus' AND o.state = 'settled' AND o.outcome = 'approved'), 0)
                - COALESCE((SELECT sum(a.amount_minor) FROM invoice_application a
                    WHERE a.source_id = p.id AND a.kind IN ('payment', 'correction')), 0))
            FROM payment p WHERE p.credit_kind = 'customer_receivable'
        ) parts GROUP BY merchant_id, currency
    )
    SELECT COALESCE(o.merchant_id, l.merchant_id) AS merchant_id, COALESCE(o.currency, l.currency) AS subject,
        'customer_receivable against what is open on invoices' AS detail, COALESCE(o.minor, 0)::text AS expected,
        COALESCE(l.net_minor, 0)::text AS actual
    FROM owed o FULL JOIN ledger l ON (l.merchant_id, l.currency) = (o.merchant_id, o.currency)
    WHERE COALESCE(o.minor, 0) <> COALESCE(l.net_minor, 0)"""

_CREDIT = f"""
    WITH ledger AS ({_BALANCE.format(kind="customer_credit")}),
    kept AS (
        SELECT merchant_id, customer_id, currency, sum(minor) AS minor FROM (
            SELECT i.merchant_id, i.customer_id, a.currency, a.amount_minor - a.applied_minor AS minor
            FROM invoice_application a JOIN invoice i ON i.id = a.invoice_id
            UNION ALL SELECT merchant_id, customer_id, currency, credited_minor FROM receipt
            UNION ALL SELECT r.merchant_id, r.customer_id, r.currency, -r.credited_minor
            FROM receipt_reversal v JOIN receipt r ON r.id = v.receipt_id
            UNION ALL SELECT merchant_id, customer_id, currency, -amount_minor FROM credit_payout
        ) parts GROUP BY 1, 2, 3
    )
    SELECT COALESCE(k.merchant_id, l.merchant_id) AS merchant_id,
        COALESCE(NULLIF(COALESCE(k.customer_id, l.recipient_id), ''), 'no customer') AS subject,
        CASE WHEN l.net_minor > 0 THEN 'more credit was spent than there was, in '
            ELSE 'customer_credit against what was paid beyond invoices, in ' END
            || COALESCE(k.currency, l.currency) AS detail,
        COALESCE(k.minor, 0)::text AS expected, (-COALESCE(l.net_minor, 0))::text AS actual
    FROM kept k
    FULL JOIN ledger l ON (l.merchant_id, l.recipient_id, l.currency) = (k.merchant_id, k.customer_id, k.currency)
    WHERE COALESCE(k.minor, 0) <> -COALESCE(l.net_minor, 0) OR l.net_minor > 0"""

_SETTLED = """
    SELECT i.merchant_id, i.id AS subject, 'what settled it is not what its applications say' AS detail,
        s.paid || ' paid, ' || s.credited || ' credited, ' || s.discount || ' discount, ' || s.given_up || ' given up'
            AS expected,
        i.paid_minor || ' paid, ' || i.credited_minor || ' credited, ' || i.discount_minor || ' discount, '
            || i.written_off_minor || ' given up' AS actual
    FROM invoice i CROSS JOIN LATERAL (
        SELECT COALESCE(sum(a.applied_minor) FILTER (WHERE a.kind NOT IN ('credit_note', 'discount', 'write_off')), 0)
            AS paid,
            COALESCE(sum(a.applied_minor) FILTER (WHERE a.kind = 'credit_note'), 0) AS credited,
            COALESCE(sum(a.applied_minor) FILTER (WHERE a.kind = 'discount'), 0) AS discount,
            COALESCE(sum(a.applied_minor) FILTER (WHERE a.kind = 'write_off'), 0) AS given_up
        FROM invoice_application a WHERE a.invoice_id = i.id
    ) s
    WHERE (i.paid_minor, i.credited_minor, i.discount_minor, i.written_off_minor)
        <> (s.paid, s.credited, s.discount, s.given_up)"""

_SPLITS = f"""
    WITH ledger AS ({_BALANCE.format(kind="split_payable")}),
    due AS (
        SELECT merchant_id, recipient_id, currency, sum(minor) AS minor FROM (
            SELECT p.merchant_id, s.recipient_id, o.currency,
                CASE WHEN o.kind = 'refund' THEN -s.amount_minor ELSE s.amount_minor END AS minor
            FROM operation o JOIN payment p ON p.id = o.payment_id JOIN attempt a ON a.id = o.attempt_id
            CROSS JOIN LATERAL jsonb_to_recordset(o.splits) AS s (recipient_id varchar, amount_minor bigint)
            WHERE o.splits IS NOT NULL AND (o.captures OR o.kind IN ('capture', 'refund'))
                AND o.state = 'settled' AND o.outcome = 'approved' AND a.gateway = ANY($1)
            UNION ALL SELECT merchant_id, recipient_id, currency,
                CASE kind WHEN 'reversal' THEN amount_minor ELSE -amount_minor END
            FROM split_transfer WHERE state = 'settled' AND outcome = 'approved'
        ) parts GROUP BY 1, 2, 3
    )
    SELECT COALESCE(d.merchant_id, l.merchant_id) AS merchant_id, COALESCE(d.recipient_id, l.recipient_id) AS subject,
        'split_payable in ' || COALESCE(d.currency, l.currency) || ' against its parts less what was sent' AS detail,
        COALESCE(d.minor, 0)::text AS expected, (-COALESCE(l.net_minor, 0))::text AS actual
    FROM due d
    FULL JOIN ledger l ON (l.merchant_id, l.recipient_id, l.currency) = (d.merchant_id, d.recipient_id, d.currency)
    WHERE COALESCE(d.minor, 0) <> -COALESCE(l.net_minor, 0)"""

CHECKS: tuple[Check, ...] = (
    Check("operations", "Every capture and refund has one journal of its amount, and the reverse", _OPERATIONS),
    Check("disputes", "What disputes withdrew and lost is what their journals say", _DISPUTES),
    Check("reversals", "What was taken back leaves no trace on any account", _REVERSALS),
    Check("journals", "Every journal balances in each currency, within one merchant", _JOURNALS),
    Check("projection", "Projected balances are those of the transfers", _PROJECTION),
    Check("payments", "The amounts of payments are those of their operations", _PAYMENTS),
    Check("clearing", "Clearing moved as the matched report lines say", _CLEARING),
    Check("receivable", "Customers owe what is open on their invoices", _RECEIVABLE),
    Check("customer_credit", "Customers' credit is what they paid beyond their invoices", _CREDIT),
    Check("settled", "What settled an invoice is what its applications say", _SETTLED),
    Check("split_payables", "Recipients are owed their parts less what was sent to them", _SPLITS),
)
