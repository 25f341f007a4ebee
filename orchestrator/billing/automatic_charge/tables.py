"""The columns of automatic charges: whose method is to be charged, and how far the charging of each invoice is."""

from piccolo.columns import Integer, Timestamptz, Varchar
from piccolo.table import Table


class CustomerAutomaticCharge(Table, tablename="customer_automatic_charge"):
    """That a customer's invoices are charged when they fall due: there is a row as long as that is switched on."""

    customer_id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    payment_method_id = Varchar(length=40, null=True, default=None)  # none: the customer's default at the time
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)


class InvoiceAutomaticCharge(Table, tablename="invoice_automatic_charge"):
    """Where an invoice's automatic charge stands. One row for each invoice: what claims it charges, nobody else."""

    invoice_id = Varchar(length=40, primary_key=True, default=None)
    merchant_id = Varchar(length=40, null=False, default=None)
    customer_id = Varchar(length=40, null=False, default=None)
    state = Varchar(length=16, null=False, default=None)
    part = Integer(null=False, default=0)  # which of the instalments is charged next, from 0
    tries = Integer(null=False, default=0)  # of this part
    returns = Integer(null=False, default=0)  # how often money had gone back when charging was last switched on
    payment_id = Varchar(length=40, null=True, default=None)  # the last one
    reason = Varchar(length=60, null=False, default="")  # why the last one failed, or why there was none
    due_at = Timestamptz(null=True, default=None)  # when it is charged, or charged again; none: never
    created_at = Timestamptz(null=False, default=None)
    updated_at = Timestamptz(null=False, default=None)
