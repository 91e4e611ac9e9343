"""The heuristic judge: what it suspects, what it leaves alone, and that nothing brings it down.

All texts are written for these tests.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritocrab.core.names import Classification
from meritocrab.core.question import Question
from meritocrab.evaluators.heuristic import HeuristicEvaluator, judge

SPAM, LOW = Classification.SPAM, Classification.LOW


def comment(text: str, title: str = "Fix the parser") -> Question:
    return Question(1, "comment", title, text, "https://github.com/o/r/pull/1#issuecomment-1")


def pull(
    title: str,
    text: str = "",
    lines: tuple[int, int] | None = (20, 5),
    files: int | None = 2,
    earlier: int = 0,
) -> Question:
    added, deleted = lines or (None, None)
    return Question(
        1, "pull_request", title, text, "https://github.com/o/r/pull/1", added, deleted, files, earlier
    )


MARKETING = (
    "This pull request delivers a comprehensive set of enhancements that elevate the overall quality of the "
    "project. By leveraging industry standards and best practices, it ensures a seamless and robust user "
    "experience for everyone. The documentation has been streamlined to foster readability and "
    "maintainability, empowering contributors on their journey. I am passionate and excited to provide a "
    "valuable and innovative addition to this vibrant ecosystem; I believe it will unlock optimal results."
)
TEMPLATE = (
    "## Description\n<!-- What does this change do? -->\n\n## Type of change\n\n- [ ] Bug fix\n"
    "- [ ] New feature\n\n"
    "## Checklist\n\n- [ ] I have read the contributing guide\n- [ ] Tests pass\n"
)

SUSPECTS: list[tuple[Classification, Question]] = [
    # spam
    (SPAM, comment("Best online casino with a welcome bonus, play now: https://lucky-spins.example")),
    (SPAM, comment("Buy 10,000 followers now at http://followers.example, casino bonus!!!")),
    (SPAM, comment("Buy crypto now!!! http://coins.example")),
    (SPAM, comment("Visit https://spin.example for bonus spins and a crypto airdrop")),
    (SPAM, comment("Situs slot gacor terpercaya https://slot-maxwin.example daftar sekarang")),
    (SPAM, comment("Güvenilir bahis siteleri burada! deneme bonusu https://bahis.example")),
    (SPAM, comment("Лучшее онлайн-казино, выводы за час: https://vulkan.example")),
    (SPAM, comment("提供博彩娱乐城代理，加微信 abc123456 详聊")),
    (SPAM, comment("I lost everything until a crypto recovery expert helped me. WhatsApp: +1 555 0100 200")),
    (SPAM, comment("Earn $500 per day working from home, contact me on Telegram: t.me/easyprofit")),
    (
        SPAM,
        comment("Guaranteed profits with our investment platform, returns of 300% https://fx-gain.example"),
    ),
    (SPAM, comment("You are eligible for the airdrop! Claim your tokens airdrop here https://bit.ly/abc")),
    (
        SPAM,
        comment(
            "Hello dear, please contact our official support team on the link below https://dapp-help.example"
        ),
    ),
    (SPAM, comment("Cheap SEO services and link building packages for your site: https://rankup.example")),
    (SPAM, comment("Prestamos rápidos! préstamos rápidos sin aval, escribe por whatsapp +34 600 000 000")),
    (SPAM, comment("Assignment help online by experts, 24/7: https://papers.example")),
    (SPAM, comment("论文代写，质量保证，加微信 lunwen88")),
    (SPAM, comment("We are hiring remote annotators, salary $4000, apply via Telegram: @hr_desk")),
    (SPAM, comment("Check out my YouTube channel for more! https://bit.ly/mychannel")),
    (SPAM, comment("Get frее mоnеy nоw, just vіsit https://freebies.win")),
    (SPAM, comment("B\u200buy n\u200bow ch\u200beap follow\u200bers https://tinyurl.com/xyz")),
    (SPAM, comment(" ".join(f"@user{n}" for n in range(14)) + " look at this")),
    (
        SPAM,
        pull(
            "Add useful resources",
            "Best crypto casino sites with free spins: https://a.example https://b.bet",
        ),
    ),
    (
        SPAM,
        pull("Update README.md", "Buy cheap backlinks and rank your website: https://seo.example", (1, 0), 1),
    ),
    # low effort
    (LOW, comment("any update?")),
    (LOW, comment("+1")),
    (LOW, comment("Please merge this sir")),
    (LOW, comment("Hi team, please merge my PR ASAP, still waiting!!!")),
    (LOW, comment("asdasdasd")),
    (LOW, comment("qwertyuiop asdfghjkl")),
    (LOW, comment("nice nice nice nice nice nice nice nice nice nice nice")),
    (LOW, comment("As an AI language model, I cannot run the code, but this change looks correct.")),
    (LOW, comment(MARKETING)),
    (LOW, comment("WHY IS THIS STILL NOT MERGED, FIX YOUR PROJECT NOW!!!!")),
    (LOW, pull("Update README.md")),
    (LOW, pull("Create python.yml", "", (40, 0), 1)),
    (LOW, pull("Add files via upload", "", (4000, 0), 60)),
    (LOW, pull("test")),
    (LOW, pull("asdf", "asdf asdf")),
    (LOW, pull(".", ".")),
    (LOW, pull("Patch 1", "update", (1, 1), 1)),
    (LOW, pull("Update README.md", "Added my name to the list", (1, 0), 1)),
    (LOW, pull("Update index.html", "Please add the hacktoberfest-accepted label, thanks", (1, 1), 1)),
    (LOW, pull("Improve the settings page", TEMPLATE)),
    (LOW, pull("Improve documentation", MARKETING, (30, 10), 1)),
    (
        LOW,
        pull(
            "Enhance the README",
            "Certainly! Here is a professional description. Feel free to customize it: [Your Name] did well.",
        ),
    ),
    (LOW, pull("Update docs", "🚀🚀🚀🔥🔥🔥✨✨✨🎉🎉🎉 awesome update", (2, 1), 1)),
]

HONEST: list[Question] = [
    comment("Thanks, merged. I will backport it to 2.3 tomorrow."),
    comment("LGTM"),
    comment("ACK 3f5e0a1"),
    comment("Rebased."),
    comment("cc @alice @bob"),
    comment("@alice ping, did you get a chance to test it on Windows?"),
    comment("Any update on the failing macOS job? It dies in `test_resume` for me, too."),
    comment("👍"),
    comment(
        "Concept ACK, but I'd rather see this in a helper function. Could you merge it with `parse_header`?"
    ),
    comment("> please merge\n\nNot before the tests pass."),
    comment("See https://bugreports.qt.io/browse/QTBUG-1 and https://doc.qt.io/qt-6/qheaderview.html"),
    comment("```\nERROR ERROR ERROR\nCONNECTION REFUSED BY PEER AT LINE 5\n```\nThat is what I get."),
    comment("DO NOT MERGE: blocked by #12, see the discussion there."),
    comment(
        "The chatbot answered “As an AI language model, I cannot do that”, which breaks our JSON parser."
    ),
    comment("Closing in favour of #79."),
    comment(
        "Ich kann das unter Debian 12 nachvollziehen: nach dem Ruhezustand fehlt das Symbol in der Leiste."
    ),
    comment("Пробовал на своей машине: после PRа сборка проходит, но два теста падают на 32 битах."),
    comment("在 Windows 11 上测试通过，不过启动时间比以前慢了大约 200 毫秒。"),
    comment("このパッチで再現しなくなりました。ありがとうございます。"),
    comment("En mi máquina falla igual con la rama principal, así que no lo causa este cambio."),
    comment("Merci ! Pourriez-vous ajouter un test pour le cas où la liste est vide ?"),
    comment("هذا التغيير يصلح الخطأ عندي، شكرا لك."),
    comment("저는 우분투 24.04에서 같은 문제가 있었는데 이 변경으로 해결됐습니다."),
    comment(
        "The wallet dialog lets you connect your wallet by USB; recovery of lost keys is out of scope here."
    ),
    comment("Our casino demo shows the bonus twice, since `Bonus.apply()` runs in both handlers."),
    comment("The μs and Δt columns are swapped in the table."),
    comment("gdb backtrace attached, the crash is in strncpy"),
    pull(
        "Fix off-by-one in the pager", "The last page was cut when the total was a multiple of the page size."
    ),
    pull("Fix typo in README.md", "", (1, 1), 1),
    pull("docs: correct the default port", "", (1, 1), 1),
    pull("Drop unused parameter in save_layout", "", (12, 39), 8),
    pull("Bump actions/checkout from 4 to 5", "Release notes: https://github.com/actions/checkout/releases"),
    pull(
        "Add a German translation",
        "Übersetzt alle Texte der Oberfläche. Zwei Begriffe habe ich aus dem Glossar übernommen, siehe #88.",
        (300, 0),
        1,
    ),
    pull("修复分页错误", "当总数是每页数量的整数倍时，最后一页会丢失。", (10, 2), 1),
    pull(
        "Make the retry loop robust",
        "## Description\nRetries used to give up after one DNS failure.\n\n## Checklist\n"
        "- [x] Tests\n- [ ] Changelog\n",
    ),
    pull("Speed up start", "Measured with `perf`: 300 ms → 120 ms.\n\n```\nbefore 0.31\nafter 0.12\n```"),
    pull(
        "Update the README for version 2", "The install section still described the old script.", (12, 8), 1
    ),
    pull(
        "Improve readability of the scheduler",
        "Splits `run()` in two, renames `x` to `deadline` and adds comments. It is meant to ensure that "
        "nobody has to guess again which clock is used; behaviour is unchanged and the benchmark agrees.",
    ),
]


def named(question: Question) -> str:
    return f"{question.subject}: {question.title if question.subject != 'comment' else question.text}"[:50]


@pytest.mark.parametrize(("expected", "question"), SUSPECTS, ids=[named(q) for _, q in SUSPECTS])
def test_suspects(expected: Classification, question: Question) -> None:
    answer = judge(question)
    assert answer.classification is expected, answer.reasoning
    assert answer.advisory
    assert answer.reasoning.startswith("Looks like")


@pytest.mark.parametrize("question", HONEST, ids=[named(q) for q in HONEST])
def test_honest_contributions_are_left_alone(question: Question) -> None:
    answer = judge(question)
    assert answer.classification is None, answer.reasoning
    assert answer.advisory


def test_there_are_enough_examples_of_both() -> None:
    assert len(SUSPECTS) >= 25
    assert len(HONEST) >= 25


def test_the_reasoning_names_every_signal_with_its_weight() -> None:
    assert judge(pull("Update README.md", "", (1, 0), 1)).reasoning == (
        "Looks like low effort (1.2 of 1.0 needed): has a title that says nothing (0.7); "
        "has no description (0.3); changes next to nothing in one file (0.2)."
    )
    assert judge(comment("Works for me.")).reasoning == "Not suspicious enough (0.0 of 1.0): nothing noticed."


def test_a_regular_gets_the_benefit_of_the_doubt() -> None:
    assert judge(pull("Update README.md", earlier=0)).classification is LOW
    assert judge(pull("Update README.md", earlier=5)).classification is None
    spam = "Best online casino with a welcome bonus, play now: https://lucky-spins.example"
    assert judge(pull("Hello", spam, earlier=50)).classification is SPAM


def test_the_pull_request_s_title_is_not_held_against_a_commenter() -> None:
    assert (
        judge(comment("Works for me.", title="Add my name, best online casino bonus")).classification is None
    )


async def test_the_provider_is_deterministic_and_never_praises() -> None:
    evaluator = HeuristicEvaluator()
    assert evaluator.name == "heuristic"
    for question in [*HONEST, *(q for _, q in SUSPECTS)]:
        first, second = await evaluator.evaluate(question), await evaluator.evaluate(question)
        assert first == second
        assert first.classification in (None, SPAM, LOW)
    await evaluator.aclose()


@given(st.text(), st.text(), st.sampled_from(["comment", "pull_request"]), st.none() | st.integers(0, 10**6))
def test_no_text_brings_it_down(title: str, text: str, subject: str, number: int | None) -> None:
    answer = judge(Question(1, subject, title, text, "", number, number, number))  # type: ignore[arg-type]
    assert 0 <= answer.confidence <= 1
