"""Quotes of converted amounts, what each merchant puts on top of rates, and how the fetching of rates stands."""

from piccolo.columns import JSONB, BigInt, Date, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table


class FxQuote(Table, tablename="fx_quote"):
    id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    amount_minor = BigInt(null=False, default=None)
    currency = Varchar(length=3, null=False, default=None)
    converted_minor = BigInt(null=False, default=None)
    converted_currency = Varchar(length=3, null=False, default=None)
    rate = JSONB(null=False, default=None)  # frozen, with its source, day and markup
    created_at = Timestamptz(null=False, default=None)
    expires_at = Timestamptz(null=False, default=None)
    payment_id = Varchar(length=40, null=True, default=None)  # the one payment that it was used for
    used_at = Timestamptz(null=True, default=None)


class FxTerms(Table, tablename="fx_terms"):
    merchant_id = Varchar(length=40, primary_key=True, default=None)
    markup_bps = Integer(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class FxFetch(Table, tablename="fx_fetch"):
    source = Varchar(length=20, primary_key=True, default=None)
    due_at = Timestamptz(null=False, default=None)
    failures = Integer(null=False, default=0)  # one after the other
    error = Text(null=False, default="")
    fetched_at = Timestamptz(null=True, default=None)  # when a file could last be read
    published_on = Date(null=True, default=None)  # the newest day in it
    told_at = Timestamptz(null=True, default=None)  # when merchants were told that rates are stale; null: they are not
