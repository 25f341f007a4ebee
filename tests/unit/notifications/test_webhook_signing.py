"""Signatures of what we send, against the vector of the Standard Webhooks specification."""

from __future__ import annotations

import base64

from orchestrator.notifications.signing import new_secret, sign, signed_headers

# https://github.com/standard-webhooks/standard-webhooks: the example that its libraries are tested with
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID, TIMESTAMP_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_vector_is_signed_as_it_says() -> None:
    assert sign(SECRET, MESSAGE_ID, TIMESTAMP_S, BODY) == SIGNATURE


def test_a_message_bears_a_signature_by_each_secret_in_force() -> None:
    other = new_secret()
    headers = signed_headers([other, SECRET], MESSAGE_ID, TIMESTAMP_S, BODY)
    assert headers["webhook-id"] == MESSAGE_ID
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"].split(" ") == [sign(other, MESSAGE_ID, TIMESTAMP_S, BODY), SIGNATURE]


def test_a_new_secret_is_32_random_bytes_with_the_prefix() -> None:
    first, second = new_secret(), new_secret()
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert first != second
