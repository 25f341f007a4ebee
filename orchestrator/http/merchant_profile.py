"""Routes of the merchant's profile: what its documents print of it, and by which numbers it does business."""

from typing import Annotated

import msgspec
from litestar import get, patch
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from invoicing.einvoice.mandates import SellerSize
from orchestrator.access import service as access
from orchestrator.access.scopes import Scope
from orchestrator.access.store import MerchantRow
from orchestrator.billing import merchant_profile
from orchestrator.billing.automatic_charge.plan import PAUSE_DAYS_MAX, RETRIES_MAX
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.problems import PROBLEMS
from orchestrator.http.schemas import CurrencyCode, Email, Input, Locale

PROFILE = "/merchant/profile"
TOLERANCE_MAX_MINOR = 10_000
Text = Annotated[str, Meta(max_length=200)]
Scheme = Annotated[str, Meta(max_length=4)]
Lines = Annotated[list[Text], Meta(max_length=5)]
VatId = Annotated[str, Meta(max_length=20, description="With its prefix, such as DE136695976.")]
LegalInformation = Annotated[str, Meta(max_length=1000, description="Printed at the foot of each page.")]
Timezone = Annotated[str, Meta(max_length=64, description="IANA, such as `Europe/Berlin`; UTC when empty.")]
RateBps = Annotated[int, Meta(ge=0, le=10_000, description="1900 is 19 %: the rate at home, for tax `auto`.")]
Tolerances = Annotated[
    dict[CurrencyCode, Annotated[int, Meta(ge=0, le=TOLERANCE_MAX_MINOR)]],
    Meta(max_length=50, description="By currency, the largest rest of an invoice that is given up by itself."),
]
Pauses = Annotated[
    list[Annotated[int, Meta(ge=1, le=PAUSE_DAYS_MAX)]],
    Meta(max_length=RETRIES_MAX, description="The days between the tries of an automatic charge."),
]


class ChangeMerchantProfile(Input):
    """What is given is changed, the rest stays. Bank details have a route of their own, and need an approval."""

    address_lines: Lines | UnsetType = UNSET
    postal_code: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    city: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    subdivision: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    vat_id: VatId | UnsetType = UNSET
    tax_number: Text | UnsetType = UNSET
    trading_name: Text | UnsetType = UNSET
    legal_registration_id: Text | UnsetType = UNSET
    legal_registration_scheme: Scheme | UnsetType = UNSET
    legal_information: LegalInformation | UnsetType = UNSET
    electronic_address: Text | UnsetType = UNSET
    electronic_address_scheme: Scheme | UnsetType = UNSET
    contact_name: Text | UnsetType = UNSET
    contact_phone: Text | UnsetType = UNSET
    locale: Locale | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    domestic_rate_bps: RateBps | UnsetType | None = UNSET
    seller_size: SellerSize | UnsetType = UNSET
    write_off_tolerance_minor: Tolerances | UnsetType = UNSET
    automatic_charge_retry_after_days: Pauses | UnsetType | None = UNSET


class MerchantProfileBody(msgspec.Struct, kw_only=True):
    """Who sells, as the next document prints it. Name and country are those the merchant was created with."""

    object: str = "merchant_profile"
    name: str
    country: str
    address_lines: list[str] = []
    postal_code: str = ""
    city: str = ""
    subdivision: str = ""
    email: str = ""
    vat_id: str = ""
    tax_number: str = ""
    trading_name: str = ""
    legal_registration_id: str = ""
    legal_registration_scheme: str = ""
    legal_information: str = ""
    electronic_address: str = ""
    electronic_address_scheme: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    locale: str = "en"
    timezone: str = ""
    domestic_rate_bps: int | None = None
    seller_size: SellerSize = SellerSize.OTHER
    write_off_tolerance_minor: dict[str, int] = {}
    automatic_charge_retry_after_days: list[int] | None = None


@get(
    PROFILE,
    guards=[needs(Scope.INVOICES_READ)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Get the merchant profile",
)
async def get_merchant_profile(request: ApiRequest) -> MerchantProfileBody:
    """What documents print of the merchant; `contact_name` and `contact_phone` are what an XRechnung needs."""
    return _body(await access.get_merchant(merchant_of(request)))


@patch(
    PROFILE,
    guards=[needs(Scope.FINANCE)],
    responses=PROBLEMS,
    tags=["invoices"],
    summary="Change the merchant profile",
)
async def change_merchant_profile(request: ApiRequest, data: JSONBody[ChangeMerchantProfile]) -> MerchantProfileBody:
    """For documents that are drafted from now on; issued ones keep what they say. The audit log keeps what was."""
    given = {name: value for name, value in msgspec.to_builtins(data).items() if value is not UNSET}
    return _body(await merchant_profile.change(merchant_of(request), given))


def _body(row: MerchantRow) -> MerchantProfileBody:
    known = {name: row.profile[name] for name in MerchantProfileBody.__struct_fields__ if name in row.profile}
    return msgspec.convert({"country": "", **known, "name": row.name}, MerchantProfileBody)


ROUTES = [get_merchant_profile, change_merchant_profile]
