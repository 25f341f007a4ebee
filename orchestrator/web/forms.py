"""What a posted form of the console holds, and a refusal as a sentence above the form."""

from litestar.datastructures import FormMultiDict

from orchestrator.errors import ClearwayError

BODY_MAX_BYTES = 5_000


def text_of(form: FormMultiDict, name: str) -> str:
    """A field's text; empty where it is missing or a file."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def sentence_of(refused: ClearwayError) -> str:
    """`new_password: must have letters` as people read it: `New password must have letters.`"""
    text = refused.detail
    for found in refused.errors:
        text = text.replace(f"{found.field}: ", f"{found.field.replace('_', ' ')} ", 1)
    return text[:1].upper() + text[1:].rstrip(".") + "."
