"""Reports in the gateways' own shapes, small enough to be checked by hand."""

from datetime import UTC, datetime

from currency.money import Money
from orchestrator.reconciliation.breaks import Movement, MovementKind
from orchestrator.reconciliation.lines import LineType, SettlementLine

STRIPE_HEADER = (
    "automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created_utc,currency,gross,fee,net,"
    "reporting_category,source_id,customer_facing_amount,customer_facing_currency,charge_id,payment_intent_id,"
    "payment_metadata[clearway_attempt],payment_metadata[clearway_payment],refund_metadata[clearway_operation]"
)
STRIPE = "\n".join(
    (
        STRIPE_HEADER,
        "po_1,2026-01-31,txn_1,2026-01-30 10:11:12,USD,25,0.95,24.05,charge,ch_1,25,usd,ch_1,pi_1,att_1,pay_1,",
        "po_1,2026-01-31,txn_2,2026-01-30 11:00:00,usd,-10,0,-10,refund,re_1,-10,usd,ch_1,pi_1,att_1,pay_1,op_r1",
        "po_1,2026-01-31 00:00:00,txn_3,2026-01-30 23:00:00,USD,-0.5,0,-0.5,fee,,,,,,,,",
        "po_1,2026-01-31 00:00:00,txn_4,2026-01-30 23:10:00,usd,3.35,0,3.35,dispute_reversal,du_1,,,ch_0,pi_0,,,",
    )
)

ADYEN_HEADER = (
    "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,"
    "Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,"
    "Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),"
    "Payment Method Variant,Modification Merchant Reference,Batch Number"
)
ADYEN_SETTLED = (
    "TestCompany,TestMerchant,1813702551707653,att_1,visa,2013-06-03 11:26:49,CET,Settled,1713702551795048,"
    "GBP,,5.00,1,GBP,,4.88,,0.04,0.01,0.07,visaclassic,op_c1,2"
)
ADYEN = "\n".join(
    (
        ADYEN_HEADER,
        ADYEN_SETTLED,
        "TestCompany,TestMerchant,1813702551707653,att_1,visa,2013-06-04 11:26:49,CET,Refunded,8816178952380553,"
        "GBP,1.00,,1,GBP,1.00,,,,,,visaclassic,op_r1,2",
        "TestCompany,TestMerchant,,,,2013-06-05 00:00:00,CET,Fee,Transaction Fees June 2013,,,,,GBP,0.18,,,,,,,,2",
        "TestCompany,TestMerchant,,,,2013-06-05 00:00:00,CET,Fee,Transaction Fees June 2013,,,,,GBP,0.18,,,,,,,,2",
        'TestCompany,TestMerchant,,,,2013-06-05 00:00:00,CET,MerchantPayout,"TX23XT batch 2, TestMerchant",,,,,GBP,3.52'
        ",,,,,,,,2",
    )
)
ADYEN_FEES_ABOVE_GROSS = "\n".join(
    (
        ADYEN_HEADER,
        "W,WikimediaCOM,FVD6HH297FKD7K69,4Rpf,mc,2025-10-31 04:05:39,PDT,Settled,DVBVQ8KVWFFW7669,INR,,10,0.011,USD,"
        "0.03,,,0,0.04,0.1,mcfleetcredit,,1136",
    )
)

PAYPAL_COLUMNS = (
    '"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code",'
    '"Transaction Initiation Date","Transaction Completion Date","Transaction  Debit or Credit",'
    '"Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency",'
    '"Custom Field","Consumer ID","Payment Tracking ID","Store ID","Bank Reference ID"'
)
_AT = "2026/01/06 00:00:30 -0800,2026/01/06 00:00:30 -0800"
PAYPAL_BODY = (
    f'"SB",CAP1,att_1,ORD1,"ODR","T0006",{_AT},"CR",5200,"AUD","DR",225,"AUD",att_1,"","","",""',
    f"SB,REF1,att_1,CAP1,TXN,T1107,{_AT},DR,1000,AUD,,,,att_1,,,,",
    f"SB,3MG889,,,,T0400,{_AT},DR,3900,AUD,,,,,,,,1047428557493",
    f"SB,CB1,,CAP0,TXN,T1201,{_AT},DR,300,AUD,,,,,,,,",
    f"SB,FEE1,,CB1,TXN,T0106,{_AT},DR,75,AUD,,,,,,,,",
)
PAYPAL = "\ufeff" + "\n".join(
    (
        '"RH",2026/01/07 02:21:10 -0800,"A","EZ782AXEUJUW8",009,',
        '"FH",01',
        '"SH",2026/01/06 00:00:00 -0800,2026/01/06 23:59:59 -0800,"EZ782AXEUJUW8",""',
        PAYPAL_COLUMNS,
        *PAYPAL_BODY,
        '"SF",AUD,5200,5275,0,225,"CR",1000,"CR",700,"CR",0,"CR",0,"CR",0,"CR",0,5',
        '"SC",5',
        '"RF",AUD,5200,5275,0,225,"CR",1000,"CR",700,"CR",0,"CR",0,"CR",0,"CR",0,5',
        '"RC",5',
        '"FF",5',
    )
)

AT = datetime(2026, 1, 10, 12, tzinfo=UTC)


def a_line(
    key: str = "txn_1",
    *,
    line_type: LineType = LineType.PAYMENT,
    gross: int = 2000,
    fee: int = 55,
    currency: str = "EUR",
    at: datetime = AT,
    row_no: int = 2,
    natural_key: str = "",
    attempt: str = "",
    operation: str = "",
    gateway_payment: str = "",
    gateway_operation: str = "",
    batch: str = "",
    customer_facing: Money | None = None,
) -> SettlementLine:
    return SettlementLine(
        row_no=row_no,
        line_key=key,
        natural_key=natural_key or key,
        row_hash=key,
        line_type=line_type,
        gateway_type=line_type.value,
        gross=Money(gross, currency),
        fee=Money(fee, currency),
        net=Money(gross - fee, currency),
        occurred_at=at,
        customer_facing=customer_facing,
        attempt_reference=attempt,
        operation_reference=operation,
        gateway_payment_id=gateway_payment,
        gateway_operation_id=gateway_operation,
        batch_ref=batch,
    )


def a_movement(
    movement_id: str = "capture:1",
    *,
    kind: MovementKind = MovementKind.PAYMENT,
    amount: int = 2000,
    currency: str = "EUR",
    at: datetime = AT,
    payment: str = "",
    attempt: str = "",
    operation: str = "",
    gateway_payment: str = "",
    gateway_operation: str = "",
    expected_fee: Money | None = None,
) -> Movement:
    return Movement(
        movement_id=movement_id,
        kind=kind,
        gateway_account_id="ga_1",
        amount=Money(amount, currency),
        occurred_at=at,
        payment_id=payment,
        attempt_id=attempt,
        operation_id=operation,
        gateway_payment_id=gateway_payment,
        gateway_operation_id=gateway_operation,
        expected_fee=expected_fee,
    )
