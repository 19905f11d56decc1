"""Small things about texts that models wrote."""

_FENCE = "```"


def well_formed(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def unfenced(text: str) -> str:
    """The text without white space and one Markdown fence (plain or of JSON) around it."""
    bare = text.strip()
    if len(bare) < 2 * len(_FENCE) or not (bare.startswith(_FENCE) and bare.endswith(_FENCE)):
        return bare
    bare = bare[len(_FENCE) : -len(_FENCE)]
    return (bare[4:] if bare[:4].casefold() == "json" else bare).strip()
