"""The simulated pages that shoppers see at Adyen: a wallet or bank to choose an outcome at, and the hosted checkout."""

from __future__ import annotations

from html import escape

from simulators.shopper_page import render_page

_NAMES = {"ideal": "iDEAL", "paypal": "PayPal"}
_CHOICES = (("pay", "Pay"), ("refuse", "Be refused"), ("cancel", "Cancel"), ("pending", "Leave it pending"))
_FIELDS = (
    ("number", "Card number", "cc-number"),
    ("expiryMonth", "Expiry month", "cc-exp-month"),
    ("expiryYear", "Expiry year", "cc-exp-year"),
    ("cvc", "Security code", "cc-csc"),
    ("holderName", "Name on card", "cc-name"),
)


def wallet_page(action: str, kind: str, amount: str) -> str:
    """Buttons that post `choice`: pay, refuse, cancel or pending."""
    name = _NAMES.get(kind, kind)
    buttons = "".join(
        f'<button name="choice" value="{value}"{"" if value == "pay" else " class=plain"}>{label}</button>'
        for value, label in _CHOICES
    )
    return _page(
        f"Pay with {name}",
        f"<p>This is the simulated {escape(name)}. You are about to pay <strong>{escape(amount)}</strong>.</p>"
        f'<form method="post" action="{escape(action)}">{buttons}</form>',
    )


def checkout_page(action: str, amount: str, what: str, methods: list[str], problem: str = "") -> str:
    """A form per method; each posts `type`, that for cards also the card's fields."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    forms = "".join(_card_form(action) if m == "scheme" else _wallet_form(action, m) for m in methods)
    intro = f"<p>{escape(what)}: <strong>{escape(amount)}</strong></p>"
    return _page("Complete your payment", alert + intro + forms)


def done_page(text: str, continue_url: str = "") -> str:
    link = f'<p><a href="{escape(continue_url)}">Continue</a></p>' if continue_url else ""
    return _page("Your payment", f"<p>{escape(text)}</p>{link}")


def gone_page() -> str:
    return done_page("There is nothing to pay here, or no longer.")


def _card_form(action: str) -> str:
    fields = "".join(
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" autocomplete="{auto}">'
        for name, label, auto in _FIELDS
    )
    return (
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="type" value="scheme">{fields}'
        "<button>Pay by card</button></form>"
    )


def _wallet_form(action: str, kind: str) -> str:
    return (
        f'<form method="post" action="{escape(action)}"><button class="plain" name="type" value="{escape(kind)}">'
        f"Pay with {escape(_NAMES.get(kind, kind))}</button></form>"
    )


def _page(title: str, content: str) -> str:
    return render_page(title, f"  <h1>{escape(title)}</h1>\n  {content}")
