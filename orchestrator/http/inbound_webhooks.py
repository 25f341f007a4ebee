"""Where gateways tell us what happened. No API key: the signature over the raw body says who is speaking."""

from litestar import Response, post
from litestar.params import FromPath

from orchestrator.gateways import connections
from orchestrator.http.auth import ApiRequest
from orchestrator.webhooks import service


@post("/webhooks/{account_id:str}", status_code=200, include_in_schema=False)
async def receive_webhook(request: ApiRequest, account_id: FromPath[str]) -> Response[bytes]:
    """Verify, store, acknowledge. Raises NotFound, Rejected.

    Adyen takes an answer for received when it is 202 or says `[accepted]`
    (https://docs.adyen.com/development-resources/webhooks/configure-and-manage/accept-webhooks/).
    """
    body = await request.body()
    await service.receive(account_id, {name.lower(): value for name, value in request.headers.items()}, body)
    connection = await connections.connect(account_id)
    if connection.account.gateway == "adyen":
        return Response(b"[accepted]", status_code=202, media_type="text/plain")
    return Response(b"", status_code=200, media_type="text/plain")


ROUTES = [receive_webhook]
