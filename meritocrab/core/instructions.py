"""Finding text that looks like instructions to a model, so that a human sees to its verdict.

A false find costs a maintainer some seconds, a miss lets somebody talk a model into a few points. So this looks for
what several words mean together (`instruction_phrases`) rather than for sentences, in the text as it is read and as it
may have been disguised. All of it runs in linear time, because the text may have been written against it.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from meritocrab.core.instruction_phrases import PHRASES, Sense
from meritocrab.core.invisible import without_shapeless

MAX_LOOKED_AT: Final = 60_000
"""Characters of a text that are looked at: the beginning and the end of a longer one."""
MAX_DECODED: Final = 20
"""Encoded pieces of one text that are decoded."""
MAX_ENCODED: Final = 8_000
"""Characters of one encoded piece."""


def find_instructions(text: str, *, is_code: bool = False) -> str | None:
    """Why this looks like instructions to a model, as a code, or None.

    Codes: `addresses_a_model`, `overrides_instructions`, `dictates_a_verdict`, `claims_approval`,
    `forged_conversation`, and `encoded` for what is only found after decoding. `is_code` is for patches and file
    names, where the vaguest combinations are ordinary work. Of a long text the first 45,000 and the last 15,000
    visible characters are looked at.
    """
    hidden = _tags_decoded(text)
    text = _bounded(_LONG_LIGATURE.sub(" ", without_shapeless(text)))
    if is_code:
        text = _DIFF_MARK.sub("", text)
    if found := _first_reason(_readings(text), is_code):
        return found
    return "encoded" if _first_reason(_decodings(text, hidden), is_code) else None


def _first_reason(texts: Iterator[str], is_code: bool) -> str | None:
    for text in texts:
        if found := _reason(text, is_code):
            return found
    return None


def _bounded(text: str) -> str:
    if len(text) <= MAX_LOOKED_AT:
        return text
    return f"{text[: MAX_LOOKED_AT * 3 // 4]}\n\n{text[-MAX_LOOKED_AT // 4 :]}"


# --- what a text may be read as ------------------------------------------------------------------------------

_LONG_LIGATURE = re.compile("[\ufdf0-\ufdfd]")  # single characters that stand for whole Arabic phrases
_TAG = re.compile("[\U000e0020-\U000e007e]")
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[\s.,_*|·/-]{1,3}+[^\W_](?![^\W_])){4,}+")
_RUN_TOGETHER = re.compile(r"[^\W\d_]{14,400}")
_CAMEL = re.compile(r"(?<![^\W_])[A-Za-z]{0,30}(?:[a-z][A-Z][a-z]{0,30}){2,12}")
_INSIDE_WORD = re.compile(r"(?<=\w)(?:[*`~]{1,4}+|</?[A-Za-z]{1,8}>|<!--[^<>]{0,60}-->)(?=\w)")
_LEET_WORD = re.compile(r"(?<![\w@$!|])[\w@$!|]{2,40}+")
_LEET = str.maketrans("0134578@$!|", "oieastbasil")
_ESCAPE = re.compile(
    r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})|\\U([0-9a-fA-F]{8})|U\+([0-9A-F]{4,5}) ?"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\n[A-Za-z0-9+/_-]{24,})*")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,]{0,2}){16,}")
_BITS = re.compile(r"(?:[01]{8}\s?){12,}")
_LOOKALIKES: Final = str.maketrans(
    "асеорхуіјѕԁһԛԝмтвнкгпАВСЕНІЈКМОРЅТХУαοερνικτυχγηβμωΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡɩʀɴʟɪᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡʏᴢ",
    "aceopxyijsdhqwmtbhkrnABCEHIJKMOPSTXYaoepviktuxynbuwABEZHIKMNOPTYXagirnliabcdefghjkmopstuvwyz",
)
_BOXED: Final = str.maketrans(
    {chr(start + n): chr(97 + n) for start in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}
)


def _tags_decoded(text: str) -> str:
    return "".join(chr(ord(tag) - 0xE0000) for tag in _TAG.findall(text)[:MAX_LOOKED_AT])


def _readings(text: str) -> Iterator[str]:
    """The text as it is, and as a reader who looks closely may read it."""
    text = unicodedata.normalize("NFKC", text)
    yield text
    if (alike := text.translate(_LOOKALIKES).translate(_BOXED)) != text:
        yield alike
    if (plain := _INSIDE_WORD.sub("", alike)) != alike:
        yield plain
    if (letters := _LEET_WORD.sub(_without_leet, alike)) != alike:
        yield letters
    yield from _regrouped(alike)


def _without_leet(found: re.Match[str]) -> str:
    word = found.group()
    return word if word.isalpha() or word.isdigit() else word.translate(_LEET)


def _regrouped(text: str) -> Iterator[str]:
    """Letters set apart, and words run together."""
    joined = [re.sub(r"[\W_]+", "", found.group()) for found in _SPACED.finditer(text)]
    joined += _RUN_TOGETHER.findall(text)
    if joined:
        yield " . ".join(" ".join(_segments(fold(each[:2_000]))) for each in joined)
    if humps := _CAMEL.findall(text):
        yield " . ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", each) for each in humps)


def _segments(text: str) -> Iterator[str]:
    """The known words in a text without spaces; a letter that begins none is skipped."""
    start = 0
    while start < len(text):
        word = _longest(text, start, whole_words=False)
        if len(word) >= 3:
            yield word
            start += len(word)
        else:
            start += 1


def _decodings(text: str, hidden: str) -> Iterator[str]:
    """What is encoded in the text, and the text read in other ways that no honest reader would."""
    if hidden:
        yield hidden
    plain = _unescaped(text)
    if plain != text:
        yield from _readings(plain)
    yield codecs.encode(text, "rot13")
    yield text[::-1]
    for piece in _pieces(plain):
        yield from _readings(piece)
        yield codecs.encode(piece, "rot13")
        yield piece[::-1]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escaped_character, unquote(html.unescape(text)))


def _escaped_character(found: re.Match[str]) -> str:
    code = int(next(group for group in found.groups() if group), 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _pieces(text: str, depth: int = 2) -> Iterator[str]:
    """Texts that stand in it as Base64, hexadecimal digits or bits, also one within the other."""
    pieces = []
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex), (_BITS, _from_bits)):
        for number, found in enumerate(pattern.finditer(text)):
            if number >= MAX_DECODED:
                break
            if piece := _printable(decode(found.group()[:MAX_ENCODED])):
                pieces.append(piece)
    for piece in pieces[:MAX_DECODED]:
        yield piece
        if depth > 1:
            yield from _pieces(piece, depth - 1)


def _from_base64(text: str) -> bytes:
    digits = re.sub(r"\s", "", text).translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(digits[: len(digits) // 4 * 4] if len(digits) % 4 == 1 else digits + "==")
    except (binascii.Error, ValueError):
        return b""


def _from_hex(text: str) -> bytes:
    digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", text)
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def _from_bits(text: str) -> bytes:
    bits = re.sub(r"\s", "", text)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def _printable(data: bytes) -> str:
    """The bytes as text if they are one, else nothing; a character cut off at the end is left away."""
    for end in range(len(data), max(len(data) - 4, 0), -1):
        try:
            text = data[:end].decode()
        except UnicodeDecodeError:
            continue
        return text if all(char.isprintable() or char in "\n\r\t" for char in text) else ""
    return ""


# --- which words stand in it ---------------------------------------------------------------------------------

_UNSPACED: Final = "\u05d0-\u05ea\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
"""Letters of scripts whose words are found anywhere: written without spaces, or with what elsewhere are words."""
_WORD_START = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_GOES_ON = re.compile(f"[^\\W_{_UNSPACED}]{{2}}")
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0652]")
_SPECIAL_LETTERS: Final = str.maketrans(
    {"ı": "i", "ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ي": "ی", "ك": "ک"}
)
_BETWEEN_WORDS = re.compile("(?:[^\\w.!?。！？\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|_)+")  # but for Thai vowels
_BREAK = re.compile(r"\n[\s>#*/]*\n|(?<![.!?。！？])[.!?。！？]++(?=\s|$|[\"')\]*])|[。！？]")
_NUMBER = re.compile(r"(?<![\w.])(?:0?[.,]9\d{0,3}|1[.,]0{1,3}|9\d ?%|100 ?%)")


def fold(text: str) -> str:
    """Without case, accents and punctuation; what ends a sentence stays, as " . "."""
    text = _NUMBER.sub(" zqcertain ", text)
    text = _BREAK.sub(" . ", text)
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    text = unicodedata.normalize("NFC", text).translate(_SPECIAL_LETTERS)
    text = re.sub(r"(?<=\w)\.(?=\w)", " ", text)
    return _BETWEEN_WORDS.sub(" ", text)


def _indexed() -> dict[str, list[tuple[str, bool, frozenset[Sense]]]]:
    """Folded phrases by their first two characters, the longest first."""
    senses: dict[tuple[str, bool], set[Sense]] = {}
    for sense, lines in PHRASES.items():
        for phrase in ", ".join(lines).split(", "):
            senses.setdefault((fold(phrase.rstrip("*")).strip(), phrase.endswith("*")), set()).add(sense)
    senses[("zqcertain", False)] = {Sense.CERTAIN}
    index: dict[str, list[tuple[str, bool, frozenset[Sense]]]] = {}
    for (phrase, is_stem), meant in sorted(senses.items(), key=lambda item: -len(item[0][0])):
        index.setdefault(phrase[:2], []).append((phrase, is_stem, frozenset(meant)))
    return index


_INDEX: Final = _indexed()


def _matches(text: str, start: int, *, whole_words: bool = True) -> Iterator[tuple[str, frozenset[Sense]]]:
    for key in (text[start : start + 2], text[start]):
        for phrase, is_stem, senses in _INDEX.get(key, ()):
            if not text.startswith(phrase, start):
                continue
            if not whole_words or is_stem or not _GOES_ON.match(text, start + len(phrase) - 1):
                yield phrase, senses


def _longest(text: str, start: int, *, whole_words: bool) -> str:
    return next((phrase for phrase, _ in _matches(text, start, whole_words=whole_words)), "")


def _senses(text: str) -> Iterator[tuple[int, Sense]]:
    """What is meant and where; each sentence in between counts like so many characters more."""
    further = done = taken = 0
    for found in _WORD_START.finditer(text):
        start = found.start()
        further += _SENTENCE * text.count(" . ", done, start)
        done = max(start - 1, 0)
        if start < taken:
            continue
        for phrase, senses in _matches(text, start):
            if senses & _WHOLE:
                taken = start + len(phrase)
            for sense in senses:
                yield start + further, sense
            break


_SENTENCE: Final = 25
_WHOLE: Final = frozenset({Sense.NOTHING, Sense.APPROVED})
"""The words within such a phrase mean nothing more by themselves."""


# --- what they mean together ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rule:
    """Something of each group must stand within so many characters; `text_only`: too ordinary in code."""

    code: str
    span: int
    groups: tuple[frozenset[Sense], ...]
    text_only: bool


def _rule(code: str, span: int, *groups: Sense | tuple[Sense, ...], text_only: bool = False) -> _Rule:
    sets = (frozenset(group) if isinstance(group, tuple) else frozenset({group}) for group in groups)
    return _Rule(code, span, tuple(sets), text_only)


_S = Sense
_CLASS: Final = (_S.GOOD, _S.BAD)
_SET: Final = (_S.JUDGE, _S.GIVE, _S.ANSWER)
_WHO: Final = (_S.MODEL, _S.REVIEWER)
_OBJECT: Final = (_S.CONTRIBUTION, _S.THIS)

_RULES: Final = (
    _rule("overrides_instructions", 55, _S.IGNORE, _S.EARLIER, _S.RULES),
    _rule("overrides_instructions", 40, _S.IGNORE, _S.YOU, (_S.RULES, _S.CRITERIA)),
    _rule("overrides_instructions", 90, _S.IGNORE, _S.EARLIER, _S.CRITERIA, (*_WHO, _S.JUDGE)),
    _rule("overrides_instructions", 90, _S.IGNORE, _S.RULES, (*_WHO, _S.VERDICT)),
    _rule("overrides_instructions", 110, _S.IGNORE, _S.EARLIER, _SET, _CLASS, _OBJECT),
    _rule("overrides_instructions", 110, _S.IGNORE, _S.EARLIER, (_S.RULES, _S.CRITERIA), _SET, _CLASS),
    _rule("overrides_instructions", 120, _S.TURN, _SET, _CLASS),
    _rule("overrides_instructions", 60, _S.NEW, _S.RULES, _S.YOU, (*_WHO, _S.VERDICT, _S.JUDGE)),
    _rule("overrides_instructions", 30, _S.REVEAL, _S.RULES, text_only=True),
    _rule("addresses_a_model", 110, _S.GREETING, _S.MODEL, _SET, _CLASS),
    _rule("addresses_a_model", 110, _S.GREETING, _WHO, _S.JUDGE, (_S.VERDICT, _S.CONTRIBUTION)),
    _rule("addresses_a_model", 110, _S.GREETING, _S.REVIEWER, _SET, _CLASS),
    _rule("addresses_a_model", 90, _S.MODEL, _S.REVIEWER, (_S.YOU, _S.MUST), (*_SET, *_CLASS, _S.IGNORE)),
    _rule("addresses_a_model", 80, _S.MODEL, _S.REVIEWER, _CLASS),
    _rule("addresses_a_model", 60, _WHO, (_S.JUDGE, _S.VERDICT, _S.ANSWER), _S.GOOD, _OBJECT),
    _rule("addresses_a_model", 60, _S.REVIEWER, _SET, _S.GOOD),
    _rule("addresses_a_model", 80, _WHO, _S.MUST, _SET, _CLASS),
    _rule("dictates_a_verdict", 80, _S.JUDGE, _OBJECT, _S.GOOD, _S.MUST),
    _rule("dictates_a_verdict", 75, _S.JUDGE, _S.CONTRIBUTION, _CLASS),
    _rule("dictates_a_verdict", 30, _S.JUDGE, _S.THIS, _S.GOOD, text_only=True),
    _rule("dictates_a_verdict", 60, _SET, _S.VERDICT, _CLASS, _OBJECT),
    _rule("dictates_a_verdict", 40, _SET, _S.VERDICT, _S.GOOD),
    _rule("dictates_a_verdict", 55, (_S.JUDGE, _S.GIVE), _S.OTHERS, _S.CONTRIBUTION, _S.BAD),
    _rule("dictates_a_verdict", 35, _S.JUDGE, _S.THIS, _S.BAD, text_only=True),
    _rule("dictates_a_verdict", 22, _S.VERDICT, _S.GOOD, text_only=True),
    _rule("dictates_a_verdict", 40, _S.ANSWER, _S.MUST, _CLASS, text_only=True),
    _rule("dictates_a_verdict", 50, _S.CONFIDENCE, _S.CERTAIN, (_S.GIVE, _S.JUDGE, _S.YOU), text_only=True),
    _rule("dictates_a_verdict", 80, _S.CONFIDENCE, _S.CERTAIN, _CLASS),
    _rule("dictates_a_verdict", 80, _S.CONFIDENCE, _S.CERTAIN, (_S.JUDGE, _S.GIVE), _S.CONTRIBUTION),
    _rule("dictates_a_verdict", 90, _S.JUDGING, _OBJECT, (_S.VERDICT, *_CLASS)),
    _rule("dictates_a_verdict", 80, _S.VERDICT, _S.GOOD, _S.CONTRIBUTION),
    _rule("claims_approval", 120, _S.APPROVED, _S.OWNER, (*_SET, *_CLASS, _S.VERDICT, *_WHO)),
    _rule("claims_approval", 100, _S.APPROVED, (*_WHO, _S.VERDICT), _CLASS),
    _rule("forged_conversation", 200, _S.ROLE, _CLASS, (*_SET, _S.VERDICT, _S.CONFIDENCE)),
    _rule("forged_conversation", 160, _S.ROLE, _S.IGNORE, (_S.RULES, _S.CRITERIA)),
    _rule("forged_conversation", 160, _S.BOUNDARY, (*_SET, *_CLASS, _S.VERDICT, _S.RULES)),
)

_ROLE_LINE = re.compile(
    r"(?:^|\\n|<br>)[\s>#*/|\"'`\[(<{-]{0,12}(?:system|assistant|developer|human|instructions?|response|new task"
    r"|final answer|model output|tool result|function result|systemnachricht|sistema|système|message système"
    r"|mensaje del sistema|mensagem do sistema|систем\w{0,3}|системное сообщение|системне повідомлення|ассистент"
    r"|asistente|assistente|sistem|asisten|系统|系統|助手|システム|시스템|النظام|सिस्टम|hệ thống)"
    r"(?: (?:message|prompt|note|override|update|command|notice|instructions?))?"
    r"[\])>*\"'`}]{0,4}\s{0,2}(?:[:：>\]]|\n)",
    re.IGNORECASE | re.MULTILINE,
)
_CLASS_KEY = re.compile(
    r"\\?[\"']classification\\?[\"']\s{0,5}:\s{0,5}\\?[\"'](?:spam|low|acceptable|high)\b", re.IGNORECASE
)
_CONFIDENCE_KEY = re.compile(r"\\?[\"']confidence\\?[\"']\s{0,5}:", re.IGNORECASE)


def _reason(text: str, is_code: bool) -> str | None:
    if _CLASS_KEY.search(text) and _CONFIDENCE_KEY.search(text):
        return "dictates_a_verdict"
    folded = fold(_ROLE_LINE.sub("\n zqroleturn ", text))
    last: dict[Sense, int] = {}
    for at, sense in _senses(folded):
        last[sense] = at
        for rule in _RULES_BY_SENSE[is_code].get(sense, ()):
            if all(any(at - last.get(each, -_FAR) <= rule.span for each in group) for group in rule.groups):
                return rule.code
    return None


_FAR: Final = 10**6
_RULES_BY_SENSE: Final = {
    is_code: {
        sense: tuple(
            rule
            for rule in _RULES
            if not (is_code and rule.text_only) and any(sense in group for group in rule.groups)
        )
        for sense in Sense
    }
    for is_code in (False, True)
}
