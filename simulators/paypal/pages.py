"""The pages on which a payer acts: PayPal's wallet, an iDEAL bank, a wallet's consent to be saved."""

from __future__ import annotations

from html import escape

from simulators.shopper_page import render_page

_CONTENT = """  <h1>{title}</h1>
  <p>{text}</p>
  <form method="post" action="{action}">
{buttons}
  </form>"""
_BUTTON = '    <button type="submit"{looks} name="answer" value="{value}">{label}</button>'


def render(title: str, text: str, action: str, buttons: dict[str, str]) -> str:
    """`buttons`: what is posted as `answer`, and what the payer reads. The first is the one to press."""
    shown = "\n".join(
        _BUTTON.format(looks=' class="plain"' if n else "", value=escape(value), label=escape(label))
        for n, (value, label) in enumerate(buttons.items())
    )
    content = _CONTENT.format(title=escape(title), text=escape(text), action=escape(action), buttons=shown)
    return render_page(title, content)


CLOSED = "<!doctype html><title>Done</title><p>You can close this page.</p>"
