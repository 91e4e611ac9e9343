"""What the heuristic judge looks for in words: patterns with a weight and a sentence for the maintainer.

Patterns are phrases rather than words, because every word of an advertisement is also somebody's domain:
there are honest repositories about casinos, wallets and search engines. They run on text without code, quotes
and template comments. No pattern nests repetitions, so that hostile text cannot make matching slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern, what it counts towards the verdict (1.0 is enough alone), and what it means in words."""

    pattern: re.Pattern[str]
    weight: float
    words: str


def _phrase(weight: float, words: str, *alternatives: str) -> Phrase:
    return Phrase(re.compile("|".join(f"(?:{each})" for each in alternatives), re.IGNORECASE), weight, words)


ADVERTISING: Final = (
    _phrase(
        0.9,
        "advertises gambling",
        r"\b(?:online|best|live|crypto|new) (?:casinos?|betting|slots?|poker)\b.{0,60}\b(?:bonus"
        r"|sites?|play|win|free)\b",
        r"\b(?:no deposit|welcome|free spins?|casino) bonus(?:es)?\b",
        r"\b(?:free|bonus) spins\b",
        r"\bslot gacor\b|\bjudi online\b|\bsitus (?:slot|judi|togel)\b",
        r"\b(?:canlı|güvenilir|kaçak) (?:bahis|casino|iddaa)\b|\bdeneme bonusu\b",
        r"\bcasino en (?:línea|ligne)\b|\bapuestas (?:deportivas|en línea)\b|\bapostas (?:esportivas"
        r"|online)\b",
        r"\bонлайн[- ]казино\b|\bставки на спорт\b|\bигровые автоматы\b",
        r"博彩|娱乐城|娛樂城|赌场|百家乐|时时彩|카지노 ?사이트|토토 ?사이트|온라인 ?바카라"
        r"|オンラインカジノ",
    ),
    _phrase(
        0.9,
        "promises money",
        r"\bguaranteed (?:profits?|returns?|income)\b",
        r"\b(?:earn|make) (?:up to )?(?:us)?[$€£]\s?\d[\d,.]*k? ?(?:/|per |an? |every |daily|weekly"
        r"|monthly|in )",
        r"\b(?:work|earn(?: money)?) from home\b.{0,80}(?:[$€£]\s?\d|\bapply\b|\bjoin\b|\bcontact\b)",
        r"\bbuy (?:crypto(?:currency)?|bitcoins?|btc|dogecoin|nfts?) (?:now|today|here|cheap)\b",
        r"\b(?:double|triple|multiply) your (?:money|bitcoin|btc|crypto|investment)\b",
        r"\binvest(?:ment)? (?:platform|opportunity)\b.{0,80}\b(?:profits?|returns?|roi)\b",
        r"\b(?:instant|quick|easy|personal) loans?\b.{0,60}\b(?:apply|approval|interest|contact)\b",
        r"\bпассивный доход\b|\bзаработок (?:в интернете|онлайн|без вложений)\b|\bбыстры[ей] (?:займы?"
        r"|деньги)\b",
        r"\bgana(?:r)? dinero (?:fácil|rápido|desde casa)\b|\bganhe dinheiro\b|\bpréstamos? rápidos?\b",
        r"\bgagne[rz] de l['’]argent (?:facilement|rapidement|en ligne)\b|\bschnell geld verdienen\b",
        r"日赚|月入过万|兼职赚钱|刷单",
    ),
    _phrase(
        0.9,
        "offers to recover money or wallets",
        r"\brecover(?:y of)? (?:your |my )?(?:lost|stolen|scammed) (?:crypto\w*|bitcoins?|btc|funds"
        r"|money|wallets?)\b",
        r"\b(?:crypto|bitcoin|funds) recovery (?:experts?|specialists?|agents?|hackers?|services?"
        r"|company)\b",
        r"\bhire a (?:professional |real |ethical )?hacker\b",
    ),
    _phrase(
        0.7,
        "offers free tokens",
        r"\b(?:claim|get|receive) (?:your |the |some )?(?:free )?(?:airdrops?|tokens? airdrop"
        r"|free tokens|free nfts?)\b",
        r"\bairdrop\b.{0,60}\b(?:eligible|claim|wallet|allocation|developers)\b",
        r"\b(?:eligible|selected|allocated)\b.{0,60}\b(?:airdrop|token allocation)\b",
        r"\b(?:crypto|bitcoin|token) (?:airdrop|giveaway)\b",
        r"\bconnect your wallet to (?:claim|receive|verify)\b",
    ),
    _phrase(
        0.9,
        "offers search engine or social media services",
        r"\b(?:seo|backlinks?|link building|guest post(?:ing)?) (?:services?|packages?|agency|expert"
        r"|experts|company)\b",
        r"\b(?:buy|cheap|get|real|high quality) (?:\w+ )?(?:backlinks|followers|subscribers"
        r"|likes and followers)\b",
        r"\b(?:buy|get|gain) (?:up to )?\d[\d.,]*k? (?:\w+ )?(?:followers|subscribers|likes|views)\b",
        r"\brank (?:your|ur) (?:website|site|business)\b|\bfirst page of google\b",
        r"\bпродвижение сайтов\b|\bнакрутка (?:лайков|подписчиков)\b|\bраскрутка сайт",
        r"\bposicionamiento seo\b.{0,40}\b(?:servicios?|agencia|barato)\b",
        r"网站优化|刷粉|代刷",
    ),
    _phrase(
        0.8,
        "offers work or looks for workers",
        r"\bwe(?:'re| are) (?:hiring|looking for|recruiting)\b.{0,120}(?:[$€£]\s?\d|\bsalary\b"
        r"|\btelegram\b|\bwhatsapp\b)",
        r"\b(?:job (?:offer|opportunity)|remote (?:job|position|opportunity))\b.{0,120}"
        r"(?:[$€£]\s?\d|\bsalary\b|\bapply\b|\btelegram\b|\bwhatsapp\b|\bcontact\b|\bresume\b|\bcv\b)",
        r"\bi(?:'m| am) (?:a )?(?:\w+ ){0,4}(?:developer|freelancer|designer|engineer)\b.{0,80}"
        r"\b(?:available for (?:hire|work)|looking for (?:a job|work|projects|opportunities)|hire me)\b",
    ),
    _phrase(
        0.9,
        "offers texts or papers for sale",
        r"\b(?:essay|assignment|dissertation|thesis) (?:writing|help) (?:services?|online|experts?)\b",
        r"\b(?:buy|cheap) (?:essays?|viagra|cialis|xanax|tramadol|replica watches|fake (?:passport"
        r"|documents|id)s?)\b",
        r"论文代写|代写论文|作业代写|代开发票|办证",
    ),
    _phrase(
        0.9,
        "advertises sexual services",
        r"\b(?:call girls?|escorts? (?:service|agency|girls?)|hot (?:girls|singles)|adult dating)\b",
        r"\bиндивидуалки\b|\bинтим[- ]услуги\b|同城约",
    ),
    _phrase(
        0.7,
        "sends people to a support desk elsewhere",
        r"\b(?:contact|reach(?: out to)?|message|chat with|write to|visit|open a ticket (?:with|on|at)"
        r"|submit\b.{0,30}\bto)"
        r" (?:the |our |an? )?(?:live |official |technical |online |customer |wallet )*"
        r"(?:support|help ?desk|live ?chat|assistance)(?: team| desk| page| portal| agent| chat"
        r"| center| centre)?\b"
        r".{0,60}(?:https?:|\blink\b|\bhere\b|\bbelow\b|\btelegram\b|\bwhatsapp\b)",
        r"\b(?:validate|synchroni[sz]e|rectify) your wallet\b",
    ),
    _phrase(
        0.6,
        "gives a private contact",
        r"\b(?:whats ?app|telegram|tele?gram channel|wechat|viber|signal) ?(?:me|us|number|no|at|:|@|\+|-)",
        r"\bt\.me/\w|\bwa\.me/\d|加(?:微信|[qQ]群|薇信|vx)|\bнапишите? (?:мне |нам )?в (?:телеграм"
        r"|telegram|личк)",
        r"\b(?:text|call|sms)(?: me| us)?(?: at| on)?:? ?\+\d[\d ()-]{7,}",
    ),
    _phrase(
        0.7,
        "promotes its author",
        r"\b(?:check out|visit|see|subscribe to|follow) (?:my|our) (?:new )?(?:youtube|channel|blog"
        r"|website|store|shop|course"
        r"|portfolio|instagram|tiktok|product)\b",
        r"\bsubscribe (?:to|2) (?:my|our) \w+\b|\bplease (?:star|follow) my (?:repo|repository|profile"
        r"|account)\b",
        r"\bподпи(?:шись|сывайтесь) на (?:мой |наш )?канал\b|\bsuscríbete a mi canal\b",
    ),
)

LOW_EFFORT: Final = (
    _phrase(
        1.0,
        "speaks as a language model",
        r"(?<!['\"“«‘])\bas an? (?:ai|artificial intelligence)(?: language)? (?:model|assistant),? i\b",
        r"\bmy knowledge cut-?off\b|\boaicite\b|\bcontentReference\b|\bturn\d+search\d+\b",
    ),
    _phrase(
        0.7,
        "opens as a chat assistant answers",
        r"\A\W*(?:certainly|absolutely|of course|sure|sure thing|great question)[!,.:]+ (?:here(?:'s"
        r"|’s| is| are)|below is"
        r"|i(?:'d|’d| would|'ll|’ll) be happy|let me|i can help)\b",
        r"\A\W*here(?:'s|’s| is) (?:a|an|the|your) (?:\w+ ){0,3}(?:pull request description|pr description"
        r"|commit message|comprehensive (?:summary|description)|professional (?:summary|description"
        r"|comment))\b",
    ),
    _phrase(
        0.6,
        "keeps an assistant's closing words or placeholders",
        r"\blet me know if you(?:'d|’d| would) like (?:me )?(?:to|any|further"
        r"|more)\b.{0,60}\b(?:adjust|refin|tweak|modif|expand"
        r"|changes to (?:this|the) (?:text|draft|response|description))",
        r"\bfeel free to (?:customi[sz]e|adapt|tweak) (?:this|it|the (?:text|message|description))\b",
        r"\[(?:your name|your github username|insert [^\]\n]{1,60}|project name|describe [^\]\n]{1,60})\]",
        r"\bi hope this (?:helps|message finds you well)\b.{0,80}\bi (?:came across|recently came"
        r"|stumbled)\b",
    ),
    _phrase(
        0.9,
        "adds a name to a list",
        r"\b(?:add(?:ed|ing|s)?|put) (?:my|mine) (?:\w+ )?(?:names?|profile|details|username|bio|info)\b",
        r"\badd(?:ed|ing|s)? \w+(?: \w+)? to (?:the )?(?:contributors?(?:\.md)?|contributors? list"
        r"|list of contributors)\b",
        r"\b(?:agrego|agregué|añad[ío]) mi nombre\b|\badicion(?:ei|ando) meu nome\b"
        r"|\bдобавил[аи]? (?:своё|свое|мое|моё) имя\b",
    ),
    _phrase(
        0.8,
        "asks for the sake of an event or a badge",
        r"\b(?:add|give|put)\b.{0,40}\bhacktoberfest(?:-accepted)?\b(?: label| tag)?",
        r"\bhacktoberfest\b.{0,60}\b(?:accept|merge|approve|label|please|plz|pls|swag|t-?shirts?)\b",
        r"\b(?:accept|merge|approve|please|plz|pls)\b.{0,60}\bhacktoberfest\b",
        r"\bmy first (?:ever )?(?:pr|pull request|contribution)\b.{0,60}\b(?:please|plz|pls"
        r"|kindly) (?:merge|accept)\b",
    ),
    _phrase(
        0.8,
        "keeps the words of the template",
        r"\bplease include a summary of the changes?\b|\bplease delete options that are not relevant\b",
        r"\bfixes # ?\(issue\)|\bdescribe your changes in detail\b"
        r"|\bplease describe the tests that you ran\b",
        r"\bprovide a general summary of your changes in the title\b",
    ),
)

PUSHING_WORDS: Final = frozenset(
    "accept admin again all any anyone approve asap are be bro bump can case check could day days dear"  # noqa: SIM905
    " end eta everyone fast for get guys has have hello help hey hi hour i in into is it just kindly ll"
    " long look ma madam maintainer maintainers many me merge merged merging months my need needed new"
    " news next now of on one one's out please pls plz pr progress pull quickly ready request review s"
    " same shall sir some soon still team thank thanks that the there this to today tomorrow until up"
    " update updates urgent urgently ve waiting want we week weeks what when where while will with yet"
    " you your".split()
)
"""A text of nothing but these words that holds one of `PUSHING_CORE` only pushes."""

PUSHING_CORE: Final = re.compile(
    r"\A\W*\+1\W*\Z|\bany (?:update|news|progress|eta)|\bbump\b|\b(?:please|plz|pls|kindly) (?:merge"
    r"|accept|approve)"
    r"|\b(?:merge|accept|approve) (?:it|this|my|the|now|fast|please|plz|pls|asap)\b|\bwhen will\b"
    r"|\bstill waiting\b"
    r"|\bmerge (?:please|plz|pls)|\burgent",
    re.IGNORECASE,
)

GENERIC_WORDS: Final = frozenset(
    "a add added an and app branch change changed changes code commit contributing contribution create"  # noqa: SIM905
    " created delete dev do doc docs edit edited feat feature file files first fix fixed fixes for hello"
    " i improve improved in index initial it license main master minor modified modify my new of patch"
    " pr project pull readme rename repo request small some test tested testing the this to try update"
    " updated updates upload via world".split()
)
"""Words that say nothing about a change: titles such as GitHub's web editor proposes consist of them."""

MARKETING: Final = re.compile(
    r"\b(?:seamless(?:ly)?|robust|cutting-edge|state-of-the-art|leverag(?:e|es|ing)|empower(?:s|ing)?"
    r"|revolutioni[sz](?:e|es|ing)|game-?changer|elevat(?:e|es|ing)|comprehensive(?:ly)?|delv(?:e|es|ing)"
    r"|unlock(?:s|ing)?|streamlin(?:e|es|ed|ing)|next-level|world-class|user-friendly|user experience"
    r"|best practices|industry[- ]standards?|innovative|holistic|synerg\w+|transformative|unparalleled"
    r"|scalab(?:le|ility)|maintainab(?:le|ility)|readability|enhanc(?:e|es|ed|ing|ements?)|overall quality"
    r"|professional(?:ism)?|ecosystem|landscape|journey|passionate|valuable|excit(?:ed|ing)|optimal"
    r"|foster(?:s|ing)?|effortless(?:ly)?|meticulous(?:ly)?|vibrant|pivotal|ensur(?:e|es|ing))\b",
    re.IGNORECASE,
)
"""The vocabulary of prose that praises a change without saying what it does."""

SHORTENERS: Final = frozenset(
    "adf.ly bit.do bit.ly buff.ly clck.ru cutt.ly goo.gl is.gd lnkd.in ow.ly rb.gy rebrand.ly s.id"  # noqa: SIM905
    " shorturl.at shorturl.gg soo.gd t.co t.ly tiny.cc tinyurl.com urlz.fr v.gd vk.cc wa.me".split()
)

SHADY_ENDINGS: Final = tuple(
    ".bet .bid .casino .click .cyou .icu .loan .monster .party .poker .porn .quest .racing .sbs .stream"  # noqa: SIM905
    " .top .trade .vip .webcam .win .xxx".split()
)
