"""The pages on which a payer acts: PayPal's wallet, an iDEAL bank, a wallet's consent to be saved."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1a2233; background: #eef1f6; }}
  main {{ max-width: 24rem; margin: 12vh auto 0; padding: 2rem; background: #fff; border-radius: .75rem;
         box-shadow: 0 1px 3px rgb(26 34 51 / .18); }}
  h1 {{ margin: 0 0 .5rem; font-size: 1.25rem; }}
  p {{ margin: 0 0 1.25rem; color: #4a5468; }}
  button {{ box-sizing: border-box; width: 100%; min-height: 2.75rem; margin-top: .75rem; font: inherit;
           font-weight: 600; border: 1px solid #7d889e; border-radius: .5rem; background: #fff; cursor: pointer; }}
  button:first-of-type {{ border: 0; background: #1f4fd8; color: #fff; }}
  :focus-visible {{ outline: 3px solid #7aa2ff; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
  <h1>{title}</h1>
  <p>{text}</p>
  <form method="post" action="{action}">
{buttons}
  </form>
</main>
</body>
</html>
"""
_BUTTON = '    <button type="submit" name="answer" value="{value}">{label}</button>'


def render(title: str, text: str, action: str, buttons: dict[str, str]) -> str:
    """`buttons`: what is posted as `answer`, and what the payer reads. The first is the one to press."""
    shown = "\n".join(_BUTTON.format(value=escape(value), label=escape(label)) for value, label in buttons.items())
    return _PAGE.format(title=escape(title), text=escape(text), action=escape(action), buttons=shown)


CLOSED = "<!doctype html><title>Done</title><p>You can close this page.</p>"
