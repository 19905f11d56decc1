"""What shows by its own marks what it is: URLs, e-mail addresses, versions, quotations, files.

Every expression is linear in the text: what repeats gives nothing back (`++`), or is bounded.
"""

import re
from collections.abc import Iterator, Sequence

from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.text import SMALL, Found, Text

_URL = re.compile(r"\bhttps?://[^\s<>\"'`|\\^]{1,2048}+", re.IGNORECASE)
_CLOSING = {")": "(", "]": "[", "}": "{"}

_MAILBOX = r"[\w.!#$%&'*+/=?^{|}~-]"
_EMAIL = re.compile(rf"(?<!{_MAILBOX})({_MAILBOX}++)@(\w[\w-]*+(?:\.\w[\w-]*+)++)")

_QUOTED = re.compile(
    r"""(?<!\w)(?:"([^"\n]{1,512})"|'([^'\n]{1,512})'|`([^`\n]{1,512})`
    |“([^”\n]{1,512})”|«([^»\n]{1,512})»)(?!\w)""",
    re.VERBOSE,
)

_DOTTED = re.compile(
    r"(?<![\w.,:/$€£-])(v?\d{1,6}(?:\.\d{1,6}){1,3})(?:-?(?:alpha|beta|rc|pre|dev|a|b)[.-]?\d{0,4}"
    r"|\.x|-SNAPSHOT|-LTS)?(?![\w%]|[.,:/-]\d)",
    re.IGNORECASE,
)
_EXCLUDED = re.compile(r"(?:<|!=) ?\Z")
"""Before a version that is not meant: numpy<2.0."""

_DAY = re.compile(r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d")
_WITH_V = re.compile(r"\bv(?:ersion )?\d{1,4}(?![\w%]|[.,:/-]\d)", re.IGNORECASE)
_BARE = re.compile(r"[ @-]?(v?(?:\d{1,2}|20\d\d)(?:\.x)?)(?![\w%]|[.,:/-]\d)", re.IGNORECASE)
_UNIT = re.compile(r" ?(?:ms|s|secs?|seconds?|min(?:ute)?s?|h(?:ours?)?|days?|[KMGT]i?B|x|times)\b")

_COUNTED = re.compile(
    rf"(?:(?<![\w.,-])(?P<figures>\d{{1,7}})|\b(?P<word>{'|'.join(SMALL)}))[ -]"
    r"(?:\w{1,16} )?files?\b",
    re.IGNORECASE,
)
_FILE = frozenset(("file", "files", "File", "Files"))
_CODE = "py js jsx ts tsx java kt cs cpp cc hpp c h go rs php rb swift scala sql sh ex exs lua dart"
_CONFIGURED = "html css vue json yaml yml toml md tf proto xml gradle"
_ENDINGS = frozenset((*_CODE.split(), *_CONFIGURED.split()))
_ANY_ENDING = "|".join(sorted(_ENDINGS, key=lambda one: (-len(one), one)))
_NAMED = re.compile(
    rf"(?<![\w./-])(?:[\w-]{{1,64}}/){{0,16}}+(\w[\w.-]{{0,63}}\.(?:{_ANY_ENDING}))(?![\w(.=\[/-])"
)
_PRODUCTS = frozenset(
    ["node.js", "next.js", "vue.js", "nuxt.js", "d3.js", "three.js", "express.js", "react.js"]
)


def find_urls(text: Text, *, containing: Sequence[str] = ()) -> Iterator[Found]:
    """URLs of http and https, without the punctuation after them."""
    if "://" not in text.text:
        return
    for match in _URL.finditer(text.text):
        url = _without_end(match.group())
        if not containing or any(part in url for part in containing):
            yield Found(url, match.start())


def _without_end(url: str) -> str:
    """A closing bracket belongs to a URL that opens it."""
    while url and url[-1] in ".,;:!?*_)]}":
        opening = _CLOSING.get(url[-1])
        if opening and url.count(opening) >= url.count(url[-1]):
            break
        url = url[:-1]
    return url


def find_emails(text: Text) -> Iterator[Found]:
    """E-mail addresses."""
    if "@" not in text.text:
        return
    for match in _EMAIL.finditer(text.text):
        box = match[1].lstrip("!#$%&'*+/=?^{|}~.-")
        if box and not _is_login(text.text, box, match):
            start = match.end(1) - len(box)
            yield Found(text.text[start : match.end()], start)


def _is_login(text: str, box: str, match: re.Match[str]) -> bool:
    """Whether it is a package's version, a picture's size, or who logs in at a machine."""
    last = match[2].rpartition(".")[2]
    if not (last.isalpha() or last.startswith("xn--")) or len(last) < 2 or last in _PICTURES:
        return True
    follows = text[match.end() : match.end() + 2]
    path = follows[:1] == ":" and follows[1:].strip() != ""
    return path or box.lower() == "git" or match[1][:2] == "//" or _in_url(text, match.start())


def _in_url(text: str, start: int) -> bool:
    """Whether what stands before it, up to a blank, begins a URL: https://me:word@example.org."""
    return "://" in text[max(0, start - 64) : start].rpartition(" ")[2]


_PICTURES = frozenset(("png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"))


def find_quoted(text: Text) -> Iterator[Found]:
    """Texts in quotation marks, without the marks."""
    for match in _QUOTED.finditer(text.text):
        group = match.lastindex or 0
        yield Found(match[group], match.start(group))


def find_versions(text: Text, names: Phrases | None) -> Iterator[Found]:
    """Versions: right after one of `names`, then with a dot, then with a v."""
    if not text.has_figures:
        return
    for name in names.find(text) if names else ():
        match = _BARE.match(text.text, text.spans[name.last - 1][1])
        if match and not _UNIT.match(text.text, match.end()):
            yield Found(match[1], match.start(1))
    for match in _DOTTED.finditer(text.text):
        # Four numbers are an address of a machine.
        is_other = match[1].count(".") == 3 or _DAY.fullmatch(match[1])
        if is_other or _EXCLUDED.search(text.text, max(0, match.start() - 3), match.start()):
            continue
        if not _UNIT.match(text.text, match.end()):
            yield Found(match.group(), match.start())
    for match in _WITH_V.finditer(text.text):
        start = match.end() - len(match.group().split()[-1])
        yield Found(text.text[start : match.end()], start)


def find_file_count(text: Text) -> Iterator[Found]:
    """How many files are said; where nothing is said, how many are named."""
    match = _COUNTED.search(text.text) if _FILE & text.known else None
    if match:
        said = int(match["figures"]) if match["figures"] else SMALL[match["word"].lower()]
        yield Found(said, match.start())
        return
    if "." not in text.known or text.known.isdisjoint(_ENDINGS):
        return
    named = {match[1]: match.start() for match in _NAMED.finditer(text.text)}
    files = [at for name, at in named.items() if name.lower() not in _PRODUCTS]
    if len(files) > 1:  # of one, more is meant than its number
        yield Found(len(files), files[0])
