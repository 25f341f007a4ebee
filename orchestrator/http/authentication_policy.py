"""Routes of the merchant's authentication policy."""

from litestar import get, put
from litestar.params import JSONBody

from orchestrator.access.scopes import Scope
from orchestrator.http.auth import ApiRequest, merchant_of, needs
from orchestrator.http.authentication_schemas import AuthenticationPolicyBody, AuthenticationPolicyInput, policy_body
from orchestrator.http.problems import PROBLEMS
from orchestrator.payments import authentication_policy as policies

PATH = "/merchant/authentication-policy"


@get(
    PATH,
    guards=[needs(Scope.OPERATE_READ)],
    responses=PROBLEMS,
    tags=["payments"],
    summary="Get the authentication policy",
)
async def get_policy(request: ApiRequest) -> AuthenticationPolicyBody:
    """What you want of 3-D Secure in general; `preferred` unless you said."""
    return policy_body(await policies.stored_policy(merchant_of(request)))


@put(
    PATH, guards=[needs(Scope.OPERATE)], responses=PROBLEMS, tags=["payments"], summary="Set the authentication policy"
)
async def put_policy(request: ApiRequest, data: JSONBody[AuthenticationPolicyInput]) -> AuthenticationPolicyBody:
    """For payments from now on. The audit log keeps what was before."""
    policy = data.as_policy()
    await policies.set_policy(merchant_of(request), policy)
    return policy_body(policy)


ROUTES = [get_policy, put_policy]
