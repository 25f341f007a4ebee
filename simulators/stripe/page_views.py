"""The HTML of Stripe's simulated pages: plain forms that a person or a test can press."""

from __future__ import annotations

from html import escape

from simulators.stripe.objects import Session

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1a2233; background: #eef1f6; }}
  main {{ max-width: 26rem; margin: 8vh auto; padding: 2rem; background: #fff; border-radius: .75rem;
         box-shadow: 0 1px 3px rgb(26 34 51 / .18); }}
  h1 {{ margin: 0 0 .5rem; font-size: 1.25rem; }}
  label {{ display: block; margin: .75rem 0 .25rem; font-weight: 600; }}
  input, button {{ box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0 .75rem; font: inherit;
                  border-radius: .5rem; }}
  input {{ border: 1px solid #7d889e; }}
  button {{ margin-top: 1rem; border: 0; background: #1f4fd8; color: #fff; font-weight: 600; cursor: pointer; }}
  button.plain {{ background: #fff; color: #1a2233; border: 1px solid #7d889e; }}
  .trouble {{ padding: .75rem; border-radius: .5rem; background: #fdecea; color: #8a1c12; }}
  :focus-visible {{ outline: 3px solid #7aa2ff; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
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
    return _FRAME.format(title="Nothing to do", body="  <h1>There is nothing to do here.</h1>")


def render_consent(action: str, kind: str, amount: str) -> str:
    name = _NAMES.get(kind, kind)
    body = _CONSENT.format(name=escape(name), amount=escape(amount), action=escape(action))
    return _FRAME.format(title=escape(name), body=body)


def render_checkout(session: Session, amount: str, trouble: str) -> str:
    words = {"action": f"/c/pay/{escape(session.id)}", "amount": escape(amount)}
    words["email"] = escape(session.customer_email)
    parts = [f"  <h1>Pay {words['amount']}</h1>"]
    if trouble:
        parts.append(f'  <p class="trouble" role="alert">{escape(trouble)}</p>')
    if "card" in session.method_types:
        parts.append(_CARD.format(**words))
    if "sepa_debit" in session.method_types:
        parts.append(_DEBIT.format(**words))
    others = [kind for kind in _NAMES if kind in session.method_types]
    parts += [_REDIRECT.format(**words, kind=kind, name=_NAMES[kind]) for kind in others]
    if session.cancel_url:
        parts.append(f'  <p><a href="{escape(session.cancel_url)}">Back to the shop</a></p>')
    return _FRAME.format(title="Checkout", body="\n".join(parts))
