"""Adyen's SDK over our own sessions: one place for the key, the hosts and the versions of every service that we use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from Adyen import AdyenClient
from Adyen.services.balancePlatform.account_holders_api import AccountHoldersApi
from Adyen.services.balancePlatform.balance_accounts_api import BalanceAccountsApi
from Adyen.services.checkout.modifications_api import ModificationsApi
from Adyen.services.checkout.payment_links_api import PaymentLinksApi
from Adyen.services.checkout.payments_api import PaymentsApi
from Adyen.services.checkout.recurring_api import RecurringApi
from Adyen.services.disputes.disputes_api import DisputesApi
from Adyen.services.management.webhooks_merchant_level_api import WebhooksMerchantLevelApi
from Adyen.services.transfers.transfers_api import TransfersApi
from requests.auth import HTTPBasicAuth

from orchestrator.gateways.transport import GatewaySession


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each service is, version included: those that the installed SDK is made for."""

    checkout: str
    disputes: str
    management: str
    accounts: str  # Configuration API: account holders and balance accounts
    transfers: str
    reports: str


@dataclass(frozen=True, slots=True)
class AdyenServices:
    """The SDK's service objects of one API key."""

    payments: Any
    modifications: Any
    recurring: Any
    links: Any
    disputes: Any
    webhooks: Any
    account_holders: Any
    balance_accounts: Any
    transfers: Any


def addresses_of(base_url: str, live_prefix: str) -> Addresses:
    """Adyen's own addresses, live where there is a prefix (docs.adyen.com/development-resources/live-endpoints); or all
    of them below `base_url`."""
    if base_url:
        root = base_url.rstrip("/")
        return _addresses(root, root, root, root)
    mode = "live" if live_prefix else "test"
    checkout = (
        f"https://{live_prefix}-checkout-live.adyenpayments.com/checkout"
        if live_prefix
        else "https://checkout-test.adyen.com"
    )
    return _addresses(
        checkout,
        f"https://ca-{mode}.adyen.com",
        f"https://management-{mode}.adyen.com",
        f"https://balanceplatform-api-{mode}.adyen.com",
    )


def services_of(api_key: str, session: GatewaySession, at: Addresses) -> AdyenServices:
    """Every service, over `session`."""
    client = _Client(xapikey=api_key, platform="test")
    client.http_client = _SessionClient(session)
    client.http_init = True

    def service(kind: Any, base_url: str) -> Any:
        # The only hook there is: the version setting would corrupt other services' URLs (Adyen/client.py).
        made = kind(client=client)
        made.baseUrl = base_url
        return made

    return AdyenServices(
        payments=service(PaymentsApi, at.checkout),
        modifications=service(ModificationsApi, at.checkout),
        recurring=service(RecurringApi, at.checkout),
        links=service(PaymentLinksApi, at.checkout),
        disputes=service(DisputesApi, at.disputes),
        webhooks=service(WebhooksMerchantLevelApi, at.management),
        account_holders=service(AccountHoldersApi, at.accounts),
        balance_accounts=service(BalanceAccountsApi, at.accounts),
        transfers=service(TransfersApi, at.transfers),
    )


def _addresses(checkout: str, customer_area: str, management: str, platform: str) -> Addresses:
    return Addresses(
        checkout=f"{checkout}/v72",
        disputes=f"{customer_area}/ca/services/DisputeService/v30",
        management=f"{management}/v3",
        accounts=f"{platform}/bcl/v2",
        transfers=f"{platform}/btl/v4",
        reports=f"{customer_area}/reports/download",
    )


class _Client(AdyenClient):  # type: ignore[misc]
    """The SDK's client with the address left as it is: it would swap every `-test` and `-live` of the whole URL, ids
    and account names included (Adyen/client.py)."""

    def _determine_api_url(self, platform: str, endpoint: str) -> str:
        return endpoint


class _SessionClient:
    """Adyen's HTTP client over our session: its own opens a connection per call and cannot split its time-outs.

    Signature as `Adyen.httpclient.HTTPClient.request`: returns (reply text, request text, status, reply headers).
    """

    user_agent = "clearway"

    def __init__(self, session: GatewaySession) -> None:
        self._session = session

    def request(
        self,
        method: str,
        url: str,
        json: object = None,
        data: object = None,
        username: str = "",
        password: str = "",
        xapikey: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[str, str, int, Mapping[str, str]]:
        sent = dict(headers or {}) | ({"x-api-key": xapikey} if xapikey else {})
        auth = HTTPBasicAuth(username, password) if username else None
        response = self._session.request(method, url, json=json, data=data, headers=sent, auth=auth)  # type: ignore[arg-type]
        return response.text, "", response.status_code, response.headers
