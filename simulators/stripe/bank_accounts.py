"""SEPA direct debit: IBANs, and what becomes of a debit from a test IBAN.

Test IBANs and their tokens: docs.stripe.com/payments/sepa-debit/accept-a-payment ("Test your integration").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_SCENARIOS = (
    *("success", "successDelayed", "failed", "failedDelayed", "disputed"),
    *("exceedsWeeklyVolumeLimit", "exceedsWeeklyTransactionLimit", "insufficientFunds"),
)
_TEST_IBANS = [
    "AT611904300234573201",
    "AT321904300235473204",
    "AT861904300235473202",
    "AT051904300235473205",
    "AT591904300235473203",
    "AT981904300000343434",
    "AT601904300000121212",
    "AT981904300002222227",
    "BE62510007547061",
    "BE78510007547064",
    "BE68539007547034",
    "BE51510007547065",
    "BE08510007547063",
    "BE90510000343434",
    "BE52510000121212",
    "BE90510002222227",
    "DE89370400440532013000",
    "DE08370400440532013003",
    "DE62370400440532013001",
    "DE78370400440532013004",
    "DE35370400440532013002",
    "DE65370400440000343434",
    "DE27370400440000121212",
    "DE65370400440002222227",
    "EE382200221020145685",
    "EE222200221020145682",
    "EE762200221020145680",
    "EE922200221020145683",
    "EE492200221020145681",
    "EE672200000000343434",
    "EE292200000000121212",
    "EE672200000002222227",
    "ES0700120345030000067890",
    "ES2300120345030000067893",
    "ES9121000418450200051332",
    "ES9300120345030000067894",
    "ES5000120345030000067892",
    "ES1700120345000000343434",
    "ES7600120345000000121212",
    "ES1700120345000002222227",
    "FI2112345600000785",
    "FI3712345600000788",
    "FI9112345600000786",
    "FI1012345600000789",
    "FI6412345600000787",
    "FI6712345600343434",
    "FI2912345600121212",
    "FI6712345602222227",
    "FR1420041010050500013M02606",
    "FR3020041010050500013M02609",
    "FR8420041010050500013M02607",
    "FR7920041010050500013M02600",
    "FR5720041010050500013M02608",
    "FR9720041010050000000343434",
    "FR5920041010050000000121212",
    "FR9720041010050000002222227",
    "IE29AIBK93115212345678",
    "IE24AIBK93115212345671",
    "IE02AIBK93115212345679",
    "IE94AIBK93115212345672",
    "IE51AIBK93115212345670",
    "IE10AIBK93115200343434",
    "IE69AIBK93115200121212",
    "IE10AIBK93115202222227",
    "LU280019400644750000",
    "LU440019400644750003",
    "LU980019400644750001",
    "LU170019400644750004",
    "LU710019400644750002",
    "LU900010000000343434",
    "LU520010000000121212",
    "LU900010000002222227",
    "PT50000201231234567890154",
    "PT66000201231234567890157",
    "PT23000201231234567890155",
    "PT39000201231234567890158",
    "PT93000201231234567890156",
    "PT05000201230000000343434",
    "PT64000201230000000121212",
    "PT05000201230000002222227",
]
_NL = (  # the page gives one IBAN of this country twice: for successDelayed and for insufficientFunds
    *("NL39RABO0300065264", "NL55RABO0300065267", "NL91ABNA0417164300", "NL28RABO0300065268", "NL82RABO0300065266"),
    *("NL27RABO0000343434", "NL86RABO0000121212"),
)

TEST_METHODS = {
    f"pm_{_SCENARIOS[n % len(_SCENARIOS)]}_{iban[:2].lower()}": iban for n, iban in enumerate(_TEST_IBANS)
} | {f"pm_{scenario}_nl": iban for scenario, iban in zip(_SCENARIOS, _NL, strict=False)}
"""IBANs by the id of the payment method that stands for them."""

_SCENARIO_OF = {iban: name.split("_")[1] for name, iban in TEST_METHODS.items()}
_USUAL, _LATE = timedelta(days=5), timedelta(days=7)
# "A payment typically takes 5 business days"; the delayed ones take longer than the others.


@dataclass(frozen=True, slots=True)
class Course:
    """How a debit goes on. `failure_code` is empty where it is paid."""

    takes: timedelta
    failure_code: str = ""
    is_disputed: bool = False


_COURSES = {
    "success": Course(_USUAL),
    "successDelayed": Course(_LATE),
    "failed": Course(_USUAL, "payment_intent_payment_attempt_failed"),
    "failedDelayed": Course(_LATE, "payment_intent_payment_attempt_failed"),
    "disputed": Course(_USUAL, is_disputed=True),
    "exceedsWeeklyVolumeLimit": Course(_USUAL, "charge_exceeds_source_limit"),
    "exceedsWeeklyTransactionLimit": Course(_USUAL, "charge_exceeds_weekly_limit"),
    "insufficientFunds": Course(_USUAL, "insufficient_funds"),
}


def course_of(iban: str) -> Course:
    """An IBAN that is no test value is one that pays."""
    return _COURSES[_SCENARIO_OF.get(iban, "success")]


def is_iban(iban: str) -> bool:
    """Form and check digits (ISO 13616: modulus 97 of the rearranged number is 1)."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return False
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def bank_code_of(iban: str) -> str:
    lengths = {"DE": 8, "AT": 5, "ES": 4, "FR": 5, "NL": 4, "BE": 3, "IT": 5}
    return iban[4 : 4 + lengths.get(iban[:2], 4)]
