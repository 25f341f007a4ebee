"""What a failure on the wire proves: real sockets that refuse, reset, stall and vanish."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orchestrator.gateways import transport
from orchestrator.gateways.transport import GatewaySession, ReplyTooLarge, network_outcome, record
from orchestrator.gateways.vault import VaultSettings, vault_session
from routing.outcomes import OutcomeKind

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def session() -> GatewaySession:
    return GatewaySession(connect_timeout_s=10, read_timeout_s=2, pool_size=1)


def outcome_of(http: GatewaySession, url: str) -> OutcomeKind:
    tape = record(lambda: http.post(url, data=b"amount=1230"))
    exchange = tape.last()
    assert exchange is not None
    assert exchange.reply is None
    return network_outcome(exchange).kind


@contextmanager
def server(handle: Callable[[socket.socket], object]) -> Iterator[str]:
    """A socket server; `handle` gets each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                handle(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def reset(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def test_refused_connection_is_not_reached() -> None:
    assert outcome_of(session(), f"http://{closed_port()}/") is OutcomeKind.NOT_REACHED


def test_name_that_does_not_resolve_is_not_reached() -> None:
    assert outcome_of(session(), "http://gateway.invalid/") is OutcomeKind.NOT_REACHED


def test_connection_reset_after_the_request_is_unknown() -> None:
    with server(reset) as address:
        assert outcome_of(session(), f"http://{address}/") is OutcomeKind.UNKNOWN


def test_connection_closed_without_an_answer_is_unknown() -> None:
    with server(lambda connection: connection.recv(65536)) as address:
        assert outcome_of(session(), f"http://{address}/") is OutcomeKind.UNKNOWN


def test_answer_that_stops_in_the_middle_is_unknown() -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")

    with server(half) as address:
        assert outcome_of(session(), f"http://{address}/") is OutcomeKind.UNKNOWN


def test_answer_that_never_comes_is_unknown() -> None:
    release = threading.Event()
    with server(lambda connection: release.wait(10)) as address:
        kind = outcome_of(session(), f"http://{address}/")
        release.set()
    assert kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\x03", b"x"),  # a file's name
    ],
    ids=["body", "header", "chunk", "gzip"],
)
def test_answer_that_trickles_is_given_up_after_the_time_for_a_whole_one(begin: bytes, drop: bytes) -> None:
    stop = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(begin)
        with suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(drop)

    patient = GatewaySession(connect_timeout_s=2, read_timeout_s=0.2, pool_size=1)
    with server(trickle) as address:
        alarm = threading.Timer(60, stop.set)
        alarm.start()
        tape = record(lambda: patient.post(f"http://{address}/"))
        gave_up = not stop.is_set()
        alarm.cancel()
        stop.set()
    assert gave_up
    exchange = tape.last()
    assert exchange is not None
    assert network_outcome(exchange).kind is OutcomeKind.UNKNOWN


def test_compressed_answer_is_measured_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 1_000_000)
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))

    def explode(connection: socket.socket) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        connection.sendall(head.encode() + bomb)

    with server(explode) as address:
        tracemalloc.start()
        tape = record(lambda: session().post(f"http://{address}/"))
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert isinstance(tape.raised, ReplyTooLarge)
    assert peak_bytes < 10_000_000


def test_answer_without_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_REPLY_BYTES", 10_000)

    def pour(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 5000)

    with server(pour) as address:
        tape = record(lambda: session().post(f"http://{address}/"))
    assert isinstance(tape.raised, ReplyTooLarge)


def test_answer_in_chunks_and_compressed_is_read_whole() -> None:
    body = gzip.compress(b'{"id": "pi_1"}')

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
        connection.sendall(head + chunks + b"0\r\n\r\n")

    with server(answer) as address:
        tape = record(lambda: session().post(f"http://{address}/"))
    exchange = tape.last()
    assert exchange is not None
    assert exchange.reply is not None
    assert exchange.reply.body == {"id": "pi_1"}


def test_reset_on_a_reused_connection_is_unknown_and_not_sent_again() -> None:
    requests_seen: list[bytes] = []

    def answer_once_then_reset(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"first"):  # head and body may come in two pieces
            request += connection.recv(65536)
        requests_seen.append(request)
        connection.sendall(OK)
        requests_seen.append(connection.recv(65536))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with server(answer_once_then_reset) as address, session() as http:
        assert http.post(f"http://{address}/", data=b"first").status_code == 200
        assert outcome_of(http, f"http://{address}/") is OutcomeKind.UNKNOWN
    assert len([one for one in requests_seen if one]) == 2


def test_proxy_that_resets_after_the_request_is_unknown_though_urllib3_calls_it_a_proxy_error() -> None:
    with server(reset) as address:
        http = vault_session(VaultSettings(f"http://{address}", "user", "pass", read_timeout_s=0.5), 1)
        assert outcome_of(http, "http://127.0.0.1:9/v1/payment_intents") is OutcomeKind.UNKNOWN


def test_proxy_that_refuses_connections_is_not_reached() -> None:
    http = vault_session(VaultSettings(f"http://{closed_port()}"), 1)
    assert outcome_of(http, "http://127.0.0.1:9/") is OutcomeKind.NOT_REACHED


def test_proxy_that_refuses_the_tunnel_is_not_reached() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with server(refuse) as address:
        http = vault_session(VaultSettings(f"http://{address}"), 1)
        assert outcome_of(http, "https://127.0.0.1:9/") is OutcomeKind.NOT_REACHED


def test_environment_proxies_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port()}")

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK)

    with server(answer) as address:
        assert session().get(f"http://{address}/").status_code == 200


def test_redirects_are_not_followed() -> None:
    def redirect(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")

    with server(redirect) as address:
        assert session().post(f"http://{address}/").status_code == 302


def test_a_request_through_the_vault_is_sent_without_waiting_for_acknowledgements() -> None:
    with server(reset) as address:
        http = vault_session(VaultSettings(f"http://{address}", "user", "pass", read_timeout_s=0.5), 1)
        adapter = http.get_adapter("http://")
        pool = adapter.proxy_manager_for(http.proxies["http"]).connection_from_url(f"http://{address}")  # type: ignore[attr-defined]
        connection = pool._new_conn()
        connection.connect()
        try:
            assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        finally:
            connection.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine that nobody has signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=True).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem))
    return path


def answering_by_tls(certificate: Path) -> Callable[[socket.socket], object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(OK)

    return answer


def test_certificate_that_is_not_trusted_is_not_reached(certificate: Path) -> None:
    with server(answering_by_tls(certificate)) as address:
        assert outcome_of(session(), f"https://{address}/") is OutcomeKind.NOT_REACHED


def test_certificate_that_is_trusted_by_the_settings_is_taken(certificate: Path) -> None:
    http = GatewaySession(connect_timeout_s=2, read_timeout_s=30, pool_size=1, ca_file=str(certificate))
    with server(answering_by_tls(certificate)) as address:
        assert http.post(f"https://{address}/").status_code == 200


def test_what_speaks_no_tls_may_have_the_request(certificate: Path) -> None:
    """The handshake failed, which only our own side knows: proven is nothing but what is listed in `never_sent`."""
    with server(lambda connection: connection.sendall(OK)) as address:
        assert outcome_of(session(), f"https://{address}/") is OutcomeKind.UNKNOWN
