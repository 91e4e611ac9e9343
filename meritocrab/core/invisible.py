"""Characters without a shape: which they are, and where honest text has them.

Which they are is Unicode's word (format characters, and what is to be ignored where it is not understood), so that
none is forgotten. Where people type them is our own list, because anything else may carry a message. All of it runs
in linear time, because the text may have been written against it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SHAPED: Final = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
"""Format characters that are seen: signs around Arabic and Syriac numbers."""
_FORMAT: Final = "".join(
    char for char in map(chr, range(0x20000)) if unicodedata.category(char) == "Cf" and char not in _SHAPED
)
_IGNORABLE: Final = (  # Default_Ignorable_Code_Point, of which those on plane 14 are nearly all unassigned
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BRAILLE_BLANK: Final = "\u2800"
_HIDDEN: Final = f"{_FORMAT}{_IGNORABLE}{_BRAILLE_BLANK}"
_SHAPELESS = re.compile(f"[{_HIDDEN}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BRAILLE = re.compile("[\u2801-\u28ff]")
_RUN = re.compile(f"[{_HIDDEN}]+")
_LETTER: Final = r"[^\W\d_]"
_JOINING: Final = "\u0590-\u109f\u1700-\u1c7f\ua800-\uabff\ufb1d-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
"""Scripts that need joiners, marks of direction or unseen word breaks, from Hebrew and Persian to Khmer."""
_IDEOGRAPHIC: Final = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PICTURE: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_HONEST = re.compile(
    f"(?:(?<=[{_JOINING}])(?:[\u034f\u061c\u200d-\u200f]|\u200b{{1,3}}|\u200c{{1,2}})"
    f"|[\u061c\u200e\u200f](?=[{_JOINING}])"
    "|(?<=[\u1800-\u18af])[\u180b-\u180f][\u200c\u200d]?"
    f"|(?<=[{_PICTURE}])[\ufe00\ufe0e\ufe0f]?(?:\u200d(?=[{_PICTURE}]))?"
    f"|(?<=[#*0-9])\ufe0f(?=\u20e3))(?![{_HIDDEN}])"
)
_STRAY: Final = "[\u061c\u200b-\u200f\u2060\ufeff]{1,2}"
_LEFT_BEHIND = re.compile(
    f"(?:(?<!{_LETTER}){_STRAY}|{_STRAY}(?!{_LETTER})|\u00ad|(?<!\\w)[\ufe0e\ufe0f]"
    f"|(?<=[{_IDEOGRAPHIC}])[\u200b\u2060\ufeff\ufe00-\ufe02\U000e0100-\U000e01ef]"
    f"|[\u200b\u2060\ufeff](?=[{_IDEOGRAPHIC}]))(?![{_HIDDEN}])"
)
"""What pasting, hyphenation and removed emoji leave behind, and a rare form of an ideograph: few are no message."""
_FEW: Final = 4
_TEXT_PER_ONE_MORE: Final = 100


def without_shapeless(text: str) -> str:
    """`text` without what has no shape, control characters included; white space stays."""
    return _SHAPELESS.sub("", text)


def has_hidden_message(text: str) -> bool:
    """Whether characters without a shape stand where nobody types them, or more of them than slip in unseen."""
    if _BRAILLE.search(text):
        text = text.replace(_BRAILLE_BLANK, " ")
    left_behind = 0
    for run in _RUN.finditer(text):
        if _HONEST.match(text, run.start()):
            continue
        if not _LEFT_BEHIND.match(text, run.start()):
            return True
        left_behind += len(run.group())
    return left_behind > _FEW + len(text) // _TEXT_PER_ONE_MORE
