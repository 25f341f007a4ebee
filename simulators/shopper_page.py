"""The frame and the looks of every page that the simulators show a shopper: banks, wallets, hosted checkouts."""

from __future__ import annotations

from html import escape

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1a2233; background: #eef1f6; }}
  main {{ max-width: 26rem; margin: 10vh auto 0; padding: 2rem; background: #fff; border-radius: .75rem;
         box-shadow: 0 1px 3px rgb(26 34 51 / .18); }}
  h1 {{ margin: 0 0 .5rem; font-size: 1.25rem; }}
  p {{ margin: 0 0 1.25rem; color: #4a5468; }}
  label {{ display: block; margin: .75rem 0 .25rem; font-weight: 600; }}
  input, button {{ box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0 .75rem; font: inherit;
                  border-radius: .5rem; }}
  input {{ border: 1px solid #7d889e; }}
  button {{ margin-top: .75rem; border: 0; background: #1f4fd8; color: #fff; font-weight: 600; cursor: pointer; }}
  button.plain {{ border: 1px solid #7d889e; background: #fff; color: #1a2233; }}
  [role=alert] {{ padding: .75rem; border-radius: .5rem; background: #fdecea; color: #8a1c12; }}
  :focus-visible {{ outline: 3px solid #7aa2ff; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


def render_page(title: str, content: str) -> str:
    """`title` is text, `content` HTML with all foreign words escaped; class `plain` marks a second-choice button."""
    return _FRAME.format(title=escape(title), content=content)
