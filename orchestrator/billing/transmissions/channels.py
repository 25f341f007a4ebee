"""Which implementation an e-invoice goes out by. So far every channel is a directory that a program of the operator's,
such as its access point's, empties and answers into."""

from __future__ import annotations

from invoicing.einvoice.errors import ChannelNotSetUp
from invoicing.einvoice.mandates import Channel
from invoicing.einvoice.transmission import FileDrop, TransmissionChannel
from orchestrator.settings import get_settings


def channel_of(merchant_id: str, channel: Channel) -> TransmissionChannel:
    """How the merchant's invoices leave by that channel. Raises ChannelNotSetUp."""
    directory = get_settings().einvoice_drop_dir
    if directory is None:
        raise ChannelNotSetUp(
            "channel",
            f"the customer's e_invoice.channel is {channel}, and this installation has no place for it: set "
            "CLEARWAY_EINVOICE_DROP_DIR, or choose another channel",
        )
    return FileDrop(directory / merchant_id / channel.value, channel)
