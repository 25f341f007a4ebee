"""Disputes at the simulated Adyen: each way that they can go, what is told of it, and where the money is."""

import base64
from collections.abc import AsyncIterator

import pytest
from sim_adyen import CARD, DISPUTES, IBAN, Shop, conforms, shop_of

from simulators.adyen.disputes import decide, open_dispute
from simulators.disputes import Dispute, DisputeKind, DisputeState, disputes_of
from simulators.world import World

FEE = 750
PDF = base64.b64encode(b"%PDF-1.4 proof of delivery").decode()


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with shop_of(World()) as made:
        yield made


async def disputed(shop: Shop, reason: str, kind: DisputeKind = DisputeKind.CHARGEBACK, **more: object) -> Dispute:
    charge = shop.charge(await shop.paid(**more))
    return open_dispute(shop.world, charge, reason, kind, charge.captured_minor)


async def defended(shop: Shop, dispute: Dispute) -> None:
    document = {"defenseDocumentTypeCode": "DefenseMaterial", "contentType": "application/pdf", "content": PDF}
    supplied = await shop.dispute("supplyDefenseDocument", dispute.id, defenseDocuments=[document])
    assert supplied["disputeServiceResult"]["success"]
    done = await shop.dispute("defendDispute", dispute.id, defenseReasonCode="SupplyDefenseMaterial")
    assert done == {"disputeServiceResult": {"success": True}}


def steps(shop: Shop) -> list[tuple[str, str]]:
    return [(event, status) for event, status in shop.events() if event != "AUTHORISATION"]


OPENED = [("NOTIFICATION_OF_CHARGEBACK", "Undefended"), ("CHARGEBACK", "Undefended")]


async def test_a_chargeback_takes_the_money_and_a_fee(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    assert steps(shop) == OPENED
    assert shop.balance_minor() == -FEE
    item = shop.items()[-1]
    assert (item["pspReference"], item["originalReference"]) == (dispute.id, dispute.charge_id)
    assert (item["additionalData"]["chargebackReasonCode"], item["reason"]) == (
        "13.1",
        "Merchandise/Services Not Received",
    )
    assert "defensePeriodEndsAt" in item["additionalData"]


async def test_what_nobody_answers_is_lost(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    shop.days(15)
    assert steps(shop)[2:] == [("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost")]
    assert dispute.state is DisputeState.EXPIRED
    assert shop.balance_minor() == -FEE


async def test_a_defended_chargeback_is_reversed_and_won_when_the_issuer_is_silent(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    await defended(shop, dispute)
    shop.days(2)
    assert steps(shop)[2:] == [("INFORMATION_SUPPLIED", "Pending"), ("CHARGEBACK_REVERSED", "Pending")]
    assert shop.balance_minor() == 1999 - FEE
    shop.days(40)
    assert steps(shop)[-1] == ("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won")
    assert dispute.state is DisputeState.WON


async def test_a_reversed_chargeback_can_be_lost_again(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    await defended(shop, dispute)
    shop.days(2)
    decide(shop.world, dispute, won=False)
    assert steps(shop)[-1] == ("SECOND_CHARGEBACK", "Lost")
    assert (dispute.state, shop.balance_minor()) == (DisputeState.LOST, -FEE)


@pytest.mark.parametrize(
    ("won", "event", "balance"), [(True, "PREARBITRATION_WON", 1999 - FEE), (False, "PREARBITRATION_LOST", -FEE)]
)
async def test_visa_fraud_goes_to_pre_arbitration(shop: Shop, won: bool, event: str, balance: int) -> None:
    dispute = await disputed(shop, "fraudulent")
    await defended(shop, dispute)
    decide(shop.world, dispute, won)
    assert steps(shop)[-1] == (event, "Won" if won else "Lost")
    assert shop.balance_minor() == balance


async def test_an_accepted_dispute_is_over(shop: Shop) -> None:
    dispute = await disputed(shop, "duplicate")
    conforms("AcceptDisputeResponse", await shop.dispute("acceptDispute", dispute.id), DISPUTES)
    assert steps(shop)[-1] == ("DISPUTE_DEFENSE_PERIOD_ENDED", "Accepted")
    again = await shop.dispute("acceptDispute", dispute.id)
    assert again["disputeServiceResult"]["success"] is False


async def test_an_inquiry_takes_no_money_until_it_is_a_chargeback(shop: Shop) -> None:
    dispute = await disputed(shop, "unrecognized", DisputeKind.INQUIRY)
    assert (steps(shop), shop.balance_minor()) == ([("REQUEST_FOR_INFORMATION", "Unresponded")], 1999)
    await defended(shop, dispute)
    assert steps(shop)[-1] == ("INFORMATION_SUPPLIED", "Responded")
    decide(shop.world, dispute, won=False)
    assert (steps(shop)[2:], dispute.state) == (OPENED, DisputeState.NEEDS_RESPONSE)
    assert shop.balance_minor() == -FEE


async def test_an_inquiry_expires(shop: Shop) -> None:
    await disputed(shop, "unrecognized", DisputeKind.INQUIRY)
    shop.days(15)
    assert steps(shop)[-1] == ("DISPUTE_DEFENSE_PERIOD_ENDED", "Expired")
    assert shop.balance_minor() == 1999


async def test_a_returned_debit_cannot_be_defended(shop: Shop) -> None:
    psp = await shop.paid(paymentMethod={"type": "sepadirectdebit", "iban": IBAN, "ownerName": "A. Klaassen"})
    shop.days(3)
    dispute = open_dispute(shop.world, shop.charge(psp), "general", DisputeKind.CHARGEBACK, 1999)
    assert steps(shop) == [("CHARGEBACK", "Lost")]
    assert not (await shop.dispute("acceptDispute", dispute.id))["disputeServiceResult"]["success"]


@pytest.mark.parametrize(
    ("holder", "last", "balance"),
    [
        ("Chargeback:13.1", ("CHARGEBACK", "Undefended"), -FEE),
        ("chargeback", ("CHARGEBACK", "Undefended"), -FEE),
        ("Chargeback Reversed", ("CHARGEBACK_REVERSED", "Pending"), 1999 - FEE),
        ("Second Chargeback", ("SECOND_CHARGEBACK", "Lost"), -FEE),
    ],
)
async def test_a_holder_name_orders_a_dispute_after_the_capture(
    shop: Shop, holder: str, last: tuple[str, str], balance: int
) -> None:
    psp = (await shop.pay(paymentMethod={**CARD, "holderName": holder}))["pspReference"]
    shop.days(1)
    assert not disputes_of(shop.world)
    await shop.modify(psp, "captures")
    shop.days(0.1)
    assert (steps(shop)[-1], shop.balance_minor()) == (last, balance)
    code = shop.items()[-1]["additionalData"].get("chargebackReasonCode")
    assert code == ("13.1" if holder.endswith("13.1") else None)


async def test_disputed_money_cannot_be_refunded(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    await shop.modify(dispute.charge_id, "refunds")
    assert shop.events()[-1] == ("REFUND", "false")


async def test_defence_reasons_say_which_documents_are_there(shop: Shop) -> None:
    dispute = await disputed(shop, "not_as_described")
    before = await shop.dispute("retrieveApplicableDefenseReasons", dispute.id)
    conforms("DefenseReasonsResponse", before, DISPUTES)
    assert "GoodsWereAsDescribed" in {r["defenseReasonCode"] for r in before["defenseReasons"]}
    assert not any(r["satisfied"] for r in before["defenseReasons"])
    document = {"defenseDocumentTypeCode": "GoodsNotReturned", "contentType": "image/jpeg", "content": PDF}
    await shop.dispute("supplyDefenseDocument", dispute.id, defenseDocuments=[document])
    after = await shop.dispute("retrieveApplicableDefenseReasons", dispute.id)
    assert [r["defenseReasonCode"] for r in after["defenseReasons"] if r["satisfied"]] == ["GoodsNotReturned"]
    gone = await shop.dispute("deleteDisputeDefenseDocument", dispute.id, defenseDocumentType="GoodsNotReturned")
    assert gone["disputeServiceResult"]["success"]
    assert not dispute.evidence


@pytest.mark.parametrize(
    "wrong",
    [{"content": "no base64!"}, {"contentType": "text/plain"}, {"defenseDocumentTypeCode": "Alibi"}, {"content": ""}],
)
async def test_a_document_that_cannot_be_used_is_refused(shop: Shop, wrong: dict[str, str]) -> None:
    dispute = await disputed(shop, "not_received")
    document = {"defenseDocumentTypeCode": "DefenseMaterial", "contentType": "application/pdf", "content": PDF, **wrong}
    reply = await shop.dispute("supplyDefenseDocument", dispute.id, defenseDocuments=[document])
    conforms("SupplyDefenseDocumentResponse", reply, DISPUTES)
    assert reply["disputeServiceResult"]["success"] is False
    assert not dispute.evidence


async def test_a_dispute_cannot_be_defended_without_its_documents(shop: Shop) -> None:
    dispute = await disputed(shop, "not_received")
    reply = await shop.dispute("defendDispute", dispute.id, defenseReasonCode="SupplyDefenseMaterial")
    conforms("DefendDisputeResponse", reply, DISPUTES)
    assert reply["disputeServiceResult"]["success"] is False
    assert dispute.state is DisputeState.NEEDS_RESPONSE
