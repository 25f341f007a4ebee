"""What is counted of tries to pay, by minute, and what browsers report of our pages."""

from piccolo.columns import BigInt, BigSerial, Boolean, Date, Integer, Text, Varchar
from piccolo.table import Table


class AbuseCounter(Table, tablename="abuse_counter"):
    """Tries of one subject in one minute. A subject is a kind and a keyed hash: it names no address and no card."""

    id = BigSerial(primary_key=True)
    subject = Varchar(length=120, null=False, default=None)
    minute = BigInt(null=False, default=None)  # since 1970
    tries = Integer(null=False, default=0)
    cards = Integer(null=False, default=0)  # of them with a card that this subject had not tried in that minute
    declines = Integer(null=False, default=0)
    small_tries = Integer(null=False, default=0)
    small_declines = Integer(null=False, default=0)
    passed = Integer(null=False, default=0)  # answered, and not with a decline; only of who tries often
    blocked = Integer(null=False, default=0)  # of the tries: they have no result, so they are no part of a share


class OpenTry(Table, tablename="abuse_open_try"):
    """A try on a page whose answer is still to come: whom it will be counted for then."""

    id = BigSerial(primary_key=True)
    payment_id = Varchar(length=40, null=False, default=None)
    round = Integer(null=False, default=None)  # of the payment's tries
    subjects = Text(null=False, default=None)  # as in the counters, parted by spaces
    small = Boolean(null=False, default=False)
    minute = BigInt(null=False, default=None)  # since 1970


class PageViolation(Table, tablename="page_violation"):
    """Reports of one kind on one day. No address of a page is kept: it holds the payer's secret."""

    id = BigSerial(primary_key=True)
    day = Date(null=False, default=None)
    page = Varchar(length=20, null=False, default=None)
    directive = Varchar(length=40, null=False, default=None)
    blocked = Varchar(length=120, null=False, default=None)
    reports = Integer(null=False, default=0)
