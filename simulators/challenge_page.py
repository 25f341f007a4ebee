"""The page on which a simulated bank asks the shopper for a password. The same for every gateway."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confirm your payment</title>
<style>
  body {{ margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1a2233; background: #eef1f6; }}
  main {{ max-width: 24rem; margin: 12vh auto 0; padding: 2rem; background: #fff; border-radius: .75rem;
         box-shadow: 0 1px 3px rgb(26 34 51 / .18); }}
  h1 {{ margin: 0 0 .5rem; font-size: 1.25rem; }}
  p {{ margin: 0 0 1.25rem; color: #4a5468; }}
  label {{ display: block; margin-bottom: .25rem; font-weight: 600; }}
  input, button {{ box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0 .75rem; font: inherit;
                  border-radius: .5rem; }}
  input {{ border: 1px solid #7d889e; }}
  button {{ margin-top: 1rem; border: 0; background: #1f4fd8; color: #fff; font-weight: 600; cursor: pointer; }}
  :focus-visible {{ outline: 3px solid #7aa2ff; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
  <h1>Confirm your payment</h1>
  <p>{bank} wants to be sure that it is you who pays <strong>{amount}</strong>. In this simulation the word is
     <code>password</code>; anything else fails.</p>
  <form method="post" action="{action}">
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="off" autofocus required>
    <button type="submit">Confirm</button>
  </form>
</main>
</body>
</html>
"""


def render_challenge(action: str, amount: str, bank: str = "Your bank") -> str:
    """`amount` as the shopper reads it, e.g. "19.99 EUR"; `action` is where the form posts `password` to."""
    return _PAGE.format(action=escape(action), amount=escape(amount), bank=escape(bank))
