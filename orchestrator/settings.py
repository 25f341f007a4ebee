"""Configuration from the environment, checked at the start: every problem is reported at once, in words.

Three settings have the names that hosting platforms give them (DATABASE_URL, BROKER_URL, SMTP_URL); all others begin
with CLEARWAY_. A nested name has two underscores: CLEARWAY_VAULT__PROXY_URL. Kubernetes sets CLEARWAY_PORT and
CLEARWAY_SERVICE_HOST for a service called "clearway", hence CLEARWAY_LISTEN_PORT.
"""

from __future__ import annotations

import difflib
import os
import re
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from currency import ecb

PREFIX = "CLEARWAY_"
NESTED = "__"
SECRET_KEY_MIN_CHARS = 32
BROKER_SCHEMES = ("postgresql", "postgres", "redis", "rediss", "amqp", "amqps")
DATABASE_SCHEMES = ("postgresql", "postgres")
SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")
# The switches of the command line's own start-up, which are not settings.
NOT_SETTINGS = frozenset({"CLEARWAY_STATE_DIR"})


class Mode(StrEnum):
    """How much is at stake. `evaluation` runs on the embedded database; `demo` has simulators for gateways."""

    PRODUCTION = "production"
    EVALUATION = "evaluation"
    DEMO = "demo"


class SettingsError(RuntimeError):
    """The environment cannot be used. `problems` has one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The configuration has {len(problems)} problem(s):\n{lines}")
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Vault(_Part):
    """The card vault: its forward proxy for charges, and its fields page for the checkout."""

    shape: Literal["transport", "envelope"] = "transport"
    """`transport`: a forward proxy (`proxy_url`). `envelope`: requests go to `envelope_url`, which sends them on."""
    proxy_url: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    envelope_url: str = ""
    envelope_destination_header: str = "X-Proxy-Url"
    envelope_method_header: str = "X-Proxy-Method"
    """Empty: the vault is called with the gateway's own method."""
    envelope_key_header: str = "X-Vault-Key"
    envelope_key: SecretStr = SecretStr("")
    envelope_header_prefix: str = ""
    """What the gateway's own headers are to begin with, where the vault wants that."""
    fields_url: str = ""
    """The page that the checkout mounts in a frame."""
    number_expression: str = "{token}.number"
    cvc_expression: str = "{token}.cvc"
    expiry_month_expression: str = "{token}.expiry_month"
    expiry_year_expression: str = "{token}.expiry_year"
    network_token_expression: str = "{token}.network_token"  # noqa: S105 - a name of a field
    cryptogram_expression: str = "{token}.cryptogram"
    error_header: str = "X-Vault-Error"
    not_contacted: str = "destination-not-contacted"
    no_answer: str = "destination-no-answer"
    not_allowed: str = "destination-not-allowed"
    unknown_token: str = "unknown-token"  # noqa: S105 - the vault's word for an error
    unknown_field: str = "unknown-field"
    ca_file: str = ""
    connect_timeout_s: Annotated[int, Field(ge=1, le=60)] = 5
    read_timeout_s: Annotated[int, Field(ge=1, le=300)] = 40

    @field_validator("proxy_url", "fields_url", "envelope_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return _http_url(value) if value else value

    @field_validator(
        "number_expression",
        "cvc_expression",
        "expiry_month_expression",
        "expiry_year_expression",
        "network_token_expression",
        "cryptogram_expression",
    )
    @classmethod
    def _names_the_token(cls, value: str) -> str:
        if "{token}" not in value:
            raise ValueError("must contain {token}, which is replaced by the card's vault token")
        return value


class Endpoint(_Part):
    """Where a gateway is, when not at its own address. Empty: the gateway's own, by test or live mode."""

    base_url: str = ""
    ca_file: str = ""
    cert_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that webhook certificates may come from, separated by commas (PayPal). Empty: the gateway's own."""

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return _http_url(value) if value else value

    @field_validator("cert_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


class Webhooks(_Part):
    """How events are told to the merchants' own servers."""

    allow_loopback: bool = False
    """Endpoints on this machine, with any port and without TLS: for the demo only."""
    proxy_url: str = ""
    """An egress proxy that all messages go through. It looks names up, and is to refuse inner addresses itself."""
    ca_file: str = ""
    """Roots (PEM) to trust instead of the public ones."""

    @field_validator("proxy_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return _http_url(value) if value else value


class Abuse(_Part):
    """The defence against card testing on pages (docs/abuse.md)."""

    mode: Literal["enforce", "observe", "off"] = "enforce"
    """`observe`: what would be blocked is counted and told, and let through."""
    allow: str = ""
    """Addresses and networks, separated by commas, that are never blocked."""
    small_amount_minor: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """An amount up to this is small, in minor units of a currency with two digits."""
    rules: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Changes of the rules by name, as JSON: {"ip_cards": {"block_at": 50}}."""


class Fx(_Part):
    """Where exchange rates come from."""

    ecb_url: str = ecb.DAILY_URL
    """The daily file of euro reference rates; the one of 90 days lies beside it. Empty: nothing is fetched."""
    ca_file: str = ""
    """Roots (PEM) to trust instead of the public ones."""
    timeout_s: Annotated[int, Field(ge=1, le=120)] = 20
    """From looking up the name to the last byte."""

    @field_validator("ecb_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        if value and urlsplit(_http_url(value)).scheme != "https":
            raise ValueError("must be https://: money is converted by what is read there")
        return value


class Vat(_Part):
    """Where VAT ids are looked up online."""

    vies_url: str = "https://ec.europa.eu/taxation_customs/vies/rest-api"
    """The REST API of VIES, the register of the EU and Northern Ireland, without an account. Empty: nobody is asked."""
    ca_file: str = ""
    """Roots (PEM) to trust instead of the public ones."""
    timeout_s: Annotated[int, Field(ge=1, le=45)] = 20
    """From looking up the name to the last byte. VIES waits for the country's own register meanwhile."""

    @field_validator("vies_url")
    @classmethod
    def _is_https(cls, value: str) -> str:
        parts = urlsplit(_http_url(value)) if value else None
        if parts and parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise ValueError("must be https://: sales go untaxed on the strength of what is read there")
        return value.rstrip("/")


Bytes = Annotated[int, Field(ge=1_000, le=1_000_000_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Limits(_Part):
    """A limit on everything, each with a name and a unit."""

    request_body_max_bytes: Bytes = 1_000_000
    webhook_body_max_bytes: Bytes = 1_000_000
    import_file_max_bytes: Bytes = 100_000_000
    page_size_max: Count = 100
    attempts_max: Annotated[int, Field(ge=1, le=10)] = 4
    payment_deadline_s: Seconds = 25
    """`POST /v1/payments` answers by then, with `processing` where the outcome is not known."""
    gateway_connect_timeout_s: Seconds = 5
    gateway_read_timeout_s: Seconds = 40
    gateway_concurrency_max: Count = 20
    smtp_timeout_s: Seconds = 20
    invoice_link_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long the link to an invoice holds: after its due date, or after the link was made where that is later."""
    pdf_processes: Annotated[int, Field(ge=0, le=64)] = 0
    """Documents drawn at once by each API or worker process. 0: one for each core."""
    pdf_timeout_s: Seconds = 120
    """After which the process that draws a document is killed; the document is tried again."""
    webhook_endpoints_max: Count = 20
    """For each merchant."""
    webhook_out_connect_timeout_s: Annotated[int, Field(ge=1, le=30)] = 5
    webhook_out_timeout_s: Annotated[int, Field(ge=1, le=30)] = 20
    """From looking up the name to the last byte of the answer."""
    webhook_out_body_max_bytes: Bytes = 256_000
    webhook_out_concurrency_max: Annotated[int, Field(ge=1, le=16)] = 4
    """Messages on their way to one endpoint at once."""
    webhook_out_jobs_max: Annotated[int, Field(ge=1, le=64)] = 4
    """Endpoints that one worker process serves at once; fewer than its threads, so that payments find one free."""
    webhook_out_recover_max: Count = 1_000
    """Events sent again by one call."""
    webhook_out_log_days: Annotated[int, Field(ge=7, le=365)] = 30
    webhook_body_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long the body of a received webhook is kept, sealed; what came of it stays."""
    webhook_apply_tries_max: Annotated[int, Field(ge=1, le=20)] = 10
    """A received webhook that fails so often is parked: about 80 minutes after it came."""
    webhook_rejections_kept_max: Count = 100
    """For each gateway account and hour; further ones are counted only."""
    webhook_replay_max: Count = 10_000
    """Received webhooks applied again by one call."""
    webhook_replays_per_s: Annotated[int, Field(ge=1, le=1_000)] = 20
    webhook_silence_s: Seconds = 3_600
    """So long without a webhook, while operations went through, a gateway account counts as silent."""
    webhook_silence_operations_min: Count = 10
    """Approved operations within that time, fewer than which say nothing."""
    webhook_endpoint_check_s: Seconds = 900
    """How often a gateway is asked whether it still sends to our endpoint."""
    fx_quote_ttl_s: Seconds = 1_800
    """How long a quote of a converted amount holds."""
    approval_open_h: Annotated[int, Field(ge=1, le=720)] = 168
    """An approval that nobody decided on by then is expired."""
    bank_details_cooling_h: Annotated[int, Field(ge=1, le=720)] = 48
    """New bank details, approved, have their effect only after this; until then anybody there may stop them."""
    page_violations_per_s: Annotated[int, Field(ge=1, le=1_000)] = 20
    """Reports of browsers that each API process counts; further ones are dropped."""
    page_violation_kinds_max: Count = 500
    """Kinds of such reports kept for a day; further ones are counted as "other"."""
    job_time_limit_s: Seconds = 120
    job_retries_max: Annotated[int, Field(ge=0, le=20)] = 3
    database_pool_max: Annotated[int, Field(ge=2, le=500)] = 16
    worker_threads: Annotated[int, Field(ge=1, le=64)] = 8
    session_idle_s: Annotated[int, Field(ge=60, le=86_400)] = 900
    """A console session that rests so long is over (PCI DSS v4.0.1 §8.2.8: 15 minutes)."""
    session_max_s: Annotated[int, Field(ge=300, le=86_400)] = 43_200
    """However busy, it is over after this."""
    api_requests_per_s: Count = 1_000
    """For each API key, over all processes; a burst may be twice as many."""
    visitor_requests_per_s: Count = 50
    """For each address, on pages without a session and for unknown keys; a burst may be ten times as many."""
    clock_heartbeat_max_age_s: Seconds = 30
    outbox_lag_max_s: Seconds = 60


class Settings(BaseSettings):
    """All settings. Raises pydantic's ValidationError; `get_settings` turns it into a SettingsError."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, extra="forbid", frozen=True, populate_by_name=True
    )

    mode: Mode = Mode.PRODUCTION
    database_url: Annotated[SecretStr, Field(validation_alias="DATABASE_URL")]
    broker_url: Annotated[SecretStr, Field(validation_alias="BROKER_URL", default=SecretStr(""))]
    """Empty: the database is the broker too."""
    secret_key: SecretStr
    """Seals credentials and signs cookies and links. Several, separated by commas: the first is used, all are read."""
    fingerprint_key: SecretStr = SecretStr("")
    """Keys the hash by which a bank account is known again, so it is never rotated. Empty: the last of `secret_key`."""
    public_url: str = "http://127.0.0.1:8000"
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=1, le=65_535)] = 8000
    trusted_proxies: str = "127.0.0.1"
    """Addresses and networks, separated by commas, whose word (`X-Forwarded-For`) is taken for who is calling."""
    state_dir: Path = Field(default_factory=lambda: default_state_dir())
    installation_id: str = ""
    """Whose the database is, for processes on several machines. Empty: the file in `state_dir` says it."""
    einvoice_rules_dir: Path | None = None
    """Official stylesheets of XRechnung and Peppol, beside those that come along: docs/e-invoices.md."""
    einvoice_drop_dir: Path | None = None
    """Where e-invoices are left for a program that sends them on, in a folder for each merchant and channel."""
    log_level: str = "info"
    log_json: bool = True
    metrics: bool = True
    metrics_token: SecretStr = SecretStr("")
    """What Prometheus sends as a bearer token. Empty: /metrics answers to this machine only."""
    console_totp_required: bool = False
    """Users without a second factor get no further than to the page that sets it up."""

    smtp_url: Annotated[SecretStr, Field(validation_alias="SMTP_URL", default=SecretStr(""))]
    """`smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`. Empty: no mail is sent; doctor says so."""
    mail_from: Annotated[str, Field(validate_default=True)] = ""
    mail_bounces: str = ""
    """Where undeliverable mails come back to, each to an address of its own: `bounces+ddl_…@acme.example`."""

    vault: Vault = Vault()
    stripe: Endpoint = Endpoint()
    adyen: Endpoint = Endpoint()
    paypal: Endpoint = Endpoint()
    gateways: dict[str, Endpoint] = Field(default_factory=dict)
    """Those of further gateways, by name: CLEARWAY_GATEWAYS__NAME__BASE_URL."""
    webhooks: Webhooks = Webhooks()
    abuse: Abuse = Abuse()
    fx: Fx = Fx()
    vat: Vat = Vat()
    limits: Limits = Limits()

    @property
    def broker(self) -> str:
        """The broker's URL, with its password."""
        return self.broker_url.get_secret_value() or self.database_url.get_secret_value()

    @property
    def allows_simulators(self) -> bool:
        """Simulated gateways stand in for real ones in the demo only."""
        return self.mode is Mode.DEMO

    def endpoint(self, gateway: str) -> Endpoint:
        """The endpoint of a gateway; one of which nothing is set is at its own address."""
        own = {"stripe": self.stripe, "adyen": self.adyen, "paypal": self.paypal}
        return own.get(gateway) or self.gateways.get(gateway) or Endpoint()

    @field_validator("gateways")
    @classmethod
    def _has_no_setting_of_its_own(cls, value: dict[str, Endpoint]) -> dict[str, Endpoint]:
        for name in sorted(value.keys() & cls.model_fields.keys()):
            raise ValueError(f"has {name}, which is set by {PREFIX}{name.upper()}{NESTED}…")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, DATABASE_SCHEMES)

    @field_validator("broker_url")
    @classmethod
    def _is_a_broker(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, BROKER_SCHEMES) if value.get_secret_value() else value

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, SMTP_SCHEMES) if value.get_secret_value() else value

    @field_validator("secret_key", "fingerprint_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.field_name == "fingerprint_key" and not value.get_secret_value():
            return value
        keys = [part.strip() for part in value.get_secret_value().split(",")]
        if any(len(key) < SECRET_KEY_MIN_CHARS for key in keys):
            raise ValueError(
                f"each key needs at least {SECRET_KEY_MIN_CHARS} random characters; make one with: openssl rand -hex 32"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _is_safe_in_public(cls, value: str, info: ValidationInfo) -> str:
        url = _http_url(value).rstrip("/")
        production = info.data.get("mode") is Mode.PRODUCTION
        if production and urlsplit(url).scheme != "https" and not _is_loopback(urlsplit(url).hostname or ""):
            raise ValueError("must be https:// in production: payers type into pages under it")
        return url

    @field_validator("webhooks")
    @classmethod
    def _keeps_out_of_this_machine(cls, value: Webhooks, info: ValidationInfo) -> Webhooks:
        if value.allow_loopback and info.data.get("mode") is not Mode.DEMO:
            raise ValueError("has allow_loopback, which is for CLEARWAY_MODE=demo only: merchants could call this host")
        return value

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        level = value.lower()
        if level not in {"debug", "info", "warning", "error"}:
            raise ValueError("must be debug, info, warning or error")
        return level

    @field_validator("mail_from")
    @classmethod
    def _goes_with_smtp(cls, value: str, info: ValidationInfo) -> str:
        smtp = info.data.get("smtp_url")
        if smtp is not None and smtp.get_secret_value() and "@" not in value:
            raise ValueError('is needed with SMTP_URL, for example: "Acme Billing <billing@acme.example>"')
        return value

    @field_validator("mail_bounces")
    @classmethod
    def _is_one_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9._-]{1,24}@[A-Za-z0-9.-]{1,253}", value):
            raise ValueError("must be one plain address, with at most 24 signs before the @: bounces@acme.example")
        return value


def default_state_dir() -> Path:
    """CLEARWAY_STATE_DIR, else the place that the XDG base directory specification gives to a user's state."""
    if chosen := os.environ.get("CLEARWAY_STATE_DIR"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser().absolute() / "clearway"


@cache
def get_settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError with all problems."""
    return read_settings()


def read_settings(**overrides: Any) -> Settings:
    """Read the environment now. Raises SettingsError with all problems."""
    problems = _misspelt(os.environ)
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems += [_in_words(item["loc"], item["type"], item["msg"]) for item in error.errors(include_input=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def _in_words(location: tuple[int | str, ...], kind: str, message: str) -> str:
    names = [str(part) for part in location]
    name = names[0] if names[0].isupper() else PREFIX + NESTED.join(names).upper()
    match kind:
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"{name} is not a setting"
        case _:
            return f"{name} {message.removeprefix('Value error, ')}"


def _misspelt(environment: os._Environ[str] | dict[str, str]) -> list[str]:
    """Names that are almost those of a setting. Others with our prefix may be anybody's (Kubernetes makes some)."""
    known = sorted({*_names(Settings), *NOT_SETTINGS})
    strangers = [name for name in environment if name.startswith(PREFIX) and name not in known and NESTED not in name]
    return [
        f"{name} is not a setting; did you mean {near[0]}?"
        for name in strangers
        if (near := difflib.get_close_matches(name, known, n=1, cutoff=0.9))
    ]


def _names(model: type[Settings]) -> list[str]:
    return [str(field.validation_alias or PREFIX + name.upper()) for name, field in model.model_fields.items()]


def _with_scheme(value: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    scheme = urlsplit(value.get_secret_value()).scheme
    if scheme not in schemes:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in schemes)}")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL with http:// or https:// and a host")
    return value


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
