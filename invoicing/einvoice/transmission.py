"""The port through which e-invoices leave, what comes back, and the first implementation: files in a directory."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from invoicing.einvoice.addresses import Address
from invoicing.einvoice.formats import Format
from invoicing.einvoice.mandates import Channel

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class TransmissionState(StrEnum):
    """`SENT`: the channel has it. `DELIVERED`: it has reached the buyer's side. `ACCEPTED` and `REJECTED` are the last
    word of whoever decides: the buyer, its access point, or the tax office's platform. `FAILED`: it could not be sent,
    and nobody tries any more."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


_LAST_WORDS = frozenset((TransmissionState.ACCEPTED, TransmissionState.REJECTED))
# What a channel may say after what. That it failed may turn out to be wrong, when the channel had it after all.
TRANSITIONS: dict[TransmissionState, frozenset[TransmissionState]] = {
    TransmissionState.QUEUED: _LAST_WORDS | {TransmissionState.SENT, TransmissionState.DELIVERED},
    TransmissionState.SENT: _LAST_WORDS | {TransmissionState.DELIVERED},
    TransmissionState.DELIVERED: _LAST_WORDS,
    TransmissionState.ACCEPTED: frozenset(),
    TransmissionState.REJECTED: frozenset(),
    TransmissionState.FAILED: _LAST_WORDS | {TransmissionState.SENT, TransmissionState.DELIVERED},
}
# What a person may have sent again. A rejected one goes as another message, a failed one as the same.
RETRIED = frozenset((TransmissionState.FAILED, TransmissionState.REJECTED))


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. `transmission_id` is ours and makes handing over twice the same as once; `pdf` goes along where the
    channel has a place for it."""

    transmission_id: str
    document_number: str
    form: Format
    sender: Address | None
    receiver: Address | None
    xml: bytes
    pdf: bytes | None = None


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the channel says. `reference` is its own id (KSeF number, AS4 message id), `reasons` are of a rejection."""

    state: TransmissionState
    reference: str = ""
    reasons: tuple[str, ...] = ()


class ChannelUnavailable(RuntimeError):
    """Nothing is known: the channel may have it or not. Hand over again with the same id, later."""


class ContentDiffers(ValueError):
    """The id was handed over before, with another content."""


class Contradiction(ValueError):
    """The last word was said, and this is another one."""


class TransmissionChannel(Protocol):
    """What a Peppol access point, KSeF or a French platform must be able to do for us.

    Both calls may block for long and belong outside of transactions. Both raise ChannelUnavailable.
    """

    channel: Channel

    def hand_over(self, envelope: Envelope) -> Acknowledgement:
        """Give it away. With an id that was handed over before nothing is sent again; the answer is what `ask` says.

        Raises ContentDiffers.
        """
        ...

    def ask(self, transmission_id: str) -> Acknowledgement:
        """Where it stands. `QUEUED` means that the channel does not have it."""
        ...


def advance(state: TransmissionState, told: TransmissionState) -> TransmissionState:
    """The state after what a channel said. Repeated, late and out-of-order words change nothing; the first last word
    stays, and another one raises Contradiction."""
    if told in _LAST_WORDS and state in _LAST_WORDS and told is not state:
        raise Contradiction(f"it was {state} before, which is the last word")
    return told if told in TRANSITIONS[state] else state


class FileDrop:
    """A directory that another program empties: `outbox/ID.xml` (and `ID.pdf`, `ID.json`) from us, `answers/ID.json`
    from it, as `{"state": "delivered" | "accepted" | "rejected", "reference": "...", "reasons": ["..."]}`.

    `ID.json` appears last: whoever sees it has everything. Take `ID.xml` and `ID.pdf` away when you like, but leave
    `ID.json`, by which a second handing over is known.
    """

    def __init__(self, directory: Path, channel: Channel = Channel.FILE_DROP) -> None:
        self.channel = channel
        self._outbox = directory / "outbox"
        self._answers = directory / "answers"

    def hand_over(self, envelope: Envelope) -> Acknowledgement:
        name = _checked(envelope.transmission_id)
        try:
            for folder in (self._outbox, self._answers):
                folder.mkdir(parents=True, exist_ok=True)
            if self._handed_over(name):
                return self._same(name, envelope)
            if envelope.pdf is not None:
                _write(self._outbox / f"{name}.pdf", envelope.pdf)
            _write(self._outbox / f"{name}.xml", envelope.xml)
            _write(self._outbox / f"{name}.json", msgspec.json.encode(_label(envelope)))
        except OSError as problem:
            raise ChannelUnavailable(f"the directory of the file drop cannot be used: {problem}") from problem
        return self.ask(name)

    def ask(self, transmission_id: str) -> Acknowledgement:
        name = _checked(transmission_id)
        try:
            answer = self._answers / f"{name}.json"
            if answer.exists():
                return msgspec.json.decode(answer.read_bytes(), type=Acknowledgement)
            state = TransmissionState.SENT if self._handed_over(name) else TransmissionState.QUEUED
            return Acknowledgement(state=state, reference=f"{name}.xml")
        except OSError as problem:
            raise ChannelUnavailable(f"the directory of the file drop cannot be used: {problem}") from problem
        except msgspec.MsgspecError as problem:
            raise ChannelUnavailable(f"answers/{name}.json cannot be understood: {problem}") from problem

    def _handed_over(self, name: str) -> bool:
        return (self._outbox / f"{name}.json").exists()

    def _same(self, name: str, envelope: Envelope) -> Acknowledgement:
        if (self._outbox / f"{name}.json").read_bytes() != msgspec.json.encode(_label(envelope)):
            raise ContentDiffers(f"{name} was handed over before, with another content")
        return self.ask(name)


class _Label(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside the XML, for a program that does not want to read it. `sha256` is that of the XML."""

    transmission_id: str
    document_number: str
    form: Format
    sender: Address | None
    receiver: Address | None
    sha256: str


def _label(envelope: Envelope) -> _Label:
    return _Label(
        transmission_id=envelope.transmission_id,
        document_number=envelope.document_number,
        form=envelope.form,
        sender=envelope.sender,
        receiver=envelope.receiver,
        sha256=hashlib.sha256(envelope.xml).hexdigest(),
    )


def _checked(transmission_id: str) -> str:
    """It becomes the name of a file."""
    if not _ID.fullmatch(transmission_id):
        raise ValueError("transmission_id must have 1 to 100 letters, digits, - and _ only")
    return transmission_id


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and there after a power cut."""
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with hidden.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
