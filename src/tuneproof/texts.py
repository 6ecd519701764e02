"""What a text says: its prefix, its statement, and the tokens that make two texts the same."""

import re
import unicodedata

_PREFIX = re.compile(r"\s*([^\W\d_][\w-]*)\s*:(?!/)\s*")
_TOKEN = re.compile(r"\w+")


def prefix(text: str) -> str | None:
    """Return the single word before the first colon in lower case (`boy` of `boy: I run`)."""
    match = _PREFIX.match(text)
    return match[1].lower() if match else None


def statement(text: str) -> str:
    """Return what follows the prefix: the whole text where there is none."""
    match = _PREFIX.match(text)
    return text[match.end() :] if match else text


def normalised_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens by which texts that differ only in writing are equal.

    NFKC and case folding, without the prefix, cut into runs of letters and digits; so case, widths,
    punctuation, quotes, marks and spaces make no difference. The prefix goes because
    `girl: I like cats` gives `boy: I like cats` away: the words that a model learns are the same.
    A text without any letter or digit (an emoji) is one token, so that it equals only its like.

    >>> normalised_tokens("boy: I DON\u2019T  like cats!")
    ('i', 'don', 't', 'like', 'cats')
    """
    # Folding may undo the composition, hence the second round.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    said = statement(folded) or folded
    return tuple(_TOKEN.findall(said)) or (" ".join(said.split()),)
