"""Reminders of unpaid invoices: which letter is due when, and what it claims. Pure."""

from invoicing.reminders.claims import Billed, Claim, claim, parts_left
from invoicing.reminders.letters import InterestLine, ReminderLetter
from invoicing.reminders.policy import DEFAULT_POLICY, Policy, ReminderStep
from invoicing.reminders.schedule import DueLetter, Plan, SentLetter, deadline_of, next_by_hand, plan

__all__ = [
    "DEFAULT_POLICY",
    "Billed",
    "Claim",
    "DueLetter",
    "InterestLine",
    "Plan",
    "Policy",
    "ReminderLetter",
    "ReminderStep",
    "SentLetter",
    "claim",
    "deadline_of",
    "next_by_hand",
    "parts_left",
    "plan",
]
