"""The HTML of Stripe's simulated pages: plain forms that a person or a test can press."""

from __future__ import annotations

from html import escape

from simulators.shopper_page import render_page
from simulators.stripe.objects import Session

_CONSENT = """  <h1>{name}</h1>
  <p>Do you want to pay <strong>{amount}</strong>?</p>
  <form method="post" action="{action}">
    <button name="result" value="succeeded">Authorize test payment</button>
    <button class="plain" name="result" value="failed">Fail test payment</button>
  </form>"""
_CARD = """  <form method="post" action="{action}">
    <input type="hidden" name="method" value="card">
    <label for="email">Email</label>
    <input id="email" name="email" type="email" value="{email}" required>
    <label for="number">Card number</label>
    <input id="number" name="number" inputmode="numeric" autocomplete="cc-number" required>
    <label for="expiry">Expiry (MM / YY)</label>
    <input id="expiry" name="expiry" autocomplete="cc-exp" required>
    <label for="cvc">CVC</label>
    <input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required>
    <label for="name">Cardholder name</label>
    <input id="name" name="name" autocomplete="cc-name" required>
    <button>Pay {amount}</button>
  </form>"""
_DEBIT = """  <form method="post" action="{action}">
    <input type="hidden" name="method" value="sepa_debit">
    <label for="iban">IBAN</label>
    <input id="iban" name="iban" required>
    <label for="holder">Account holder</label>
    <input id="holder" name="name" required>
    <label for="holder-email">Email</label>
    <input id="holder-email" name="email" type="email" value="{email}" required>
    <p>By confirming you authorise the merchant to debit your account.</p>
    <button>Pay {amount} by direct debit</button>
  </form>"""
_REDIRECT = """  <form method="post" action="{action}">
    <input type="hidden" name="method" value="{kind}">
    <button class="plain">Pay with {name}</button>
  </form>"""
_NAMES = {"ideal": "iDEAL", "paypal": "PayPal"}


def render_nothing() -> str:
    return render_page("Nothing to do", "  <h1>There is nothing to do here.</h1>")


def render_consent(action: str, kind: str, amount: str) -> str:
    name = _NAMES.get(kind, kind)
    body = _CONSENT.format(name=escape(name), amount=escape(amount), action=escape(action))
    return render_page(name, body)


def render_checkout(session: Session, amount: str, trouble: str) -> str:
    words = {"action": f"/c/pay/{escape(session.id)}", "amount": escape(amount)}
    words["email"] = escape(session.customer_email)
    parts = [f"  <h1>Pay {words['amount']}</h1>"]
    if trouble:
        parts.append(f'  <p role="alert">{escape(trouble)}</p>')
    if "card" in session.method_types:
        parts.append(_CARD.format(**words))
    if "sepa_debit" in session.method_types:
        parts.append(_DEBIT.format(**words))
    others = [kind for kind in _NAMES if kind in session.method_types]
    parts += [_REDIRECT.format(**words, kind=kind, name=_NAMES[kind]) for kind in others]
    if session.cancel_url:
        parts.append(f'  <p><a href="{escape(session.cancel_url)}">Back to the shop</a></p>')
    return render_page("Checkout", "\n".join(parts))
