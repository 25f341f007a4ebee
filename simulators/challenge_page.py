"""The page on which a simulated bank asks the shopper for a password. The same for every gateway."""

from __future__ import annotations

from html import escape

from simulators.shopper_page import render_page

_CONTENT = """  <h1>Confirm your payment</h1>
  <p>{bank} wants to be sure that it is you who pays <strong>{amount}</strong>. In this simulation the word is
     <code>password</code>; anything else fails.</p>
  <form method="post" action="{action}">
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="off" autofocus required>
    <button type="submit">Confirm</button>
  </form>"""


def render_challenge(action: str, amount: str, bank: str = "Your bank") -> str:
    """`amount` as the shopper reads it, e.g. "19.99 EUR"; `action` is where the form posts `password` to."""
    content = _CONTENT.format(action=escape(action), amount=escape(amount), bank=escape(bank))
    return render_page("Confirm your payment", content)
