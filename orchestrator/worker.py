"""The worker process: `dramatiq orchestrator.worker` finds the broker and the actor here."""

from orchestrator import event_loop
from orchestrator import log as logging_setup
from orchestrator.broker import set_up_broker
from orchestrator.settings import get_settings

logging_setup.configure(get_settings().log_level, json=get_settings().log_json, process="worker")
event_loop.use_quick_one()
broker = set_up_broker(get_settings())

from orchestrator.jobs import bells  # noqa: E402 - an actor declares itself to the broker that is set by then

__all__ = ["bells", "broker"]
