"""The language rules find each mistake in every kind of prose, and nothing in other people's words."""

from __future__ import annotations

import pytest

from checks.language import RULES, check_language

MISTAKES = {
    "clause-first": "Who installs needs a token.",
    "per": "The workflow writes one comment a stack.",
    "alone": "Clients read the index alone.",
    "anew": "Pulumi creates the pool anew.",
    "stead": "The sandbox signs in its stead.",
    "is-to": "The member is to leave the list.",
    "is-no": "This text is no member.",
    "has-none": "The machine has none.",
    "metaphor": "Grants on the project are out of the program's sight.",
    "stranger": "A stranger published a package.",
    "plugin": "Pulumi starts the plug-in.",
    "fake": "The stand-in answers.",
    "figurative-verb": "The update takes away the grant.",
    "aside": "Every output is known, one aside.",
    "archaic": "The bucket and the files therein are private.",
}

ALLOWED = [
    "What does a preview show?",
    "There is no such file.",
    "Pulumi leaves the grant alone.",
    "A pool is no longer usable.",
    "The answer is the same, or is None.",
    "Two variables set them aside.",
    'The engine reports “in its stead” and "anew", and the option `alone`.',
    "The tool writes a comment about a stack.",
    "See https://example.com/anew and user:stranger@example.com.",
]


def names(path: str, text: str) -> list[str]:
    """The names of the rules that a text breaks, in order."""
    messages = [problem.message for problem in check_language(path, text)]
    return [message.rpartition("(")[2].rstrip(")").partition(":")[0] for message in messages]


def test_every_rule_has_an_example() -> None:
    assert list(MISTAKES) == [rule.name for rule in RULES]


@pytest.mark.parametrize(("name", "text"), MISTAKES.items())
def test_a_rule_finds_its_mistake(name: str, text: str) -> None:
    assert names("README.md", text) == [name]


@pytest.mark.parametrize("text", ALLOWED)
def test_plain_english_and_quoted_words_pass(text: str) -> None:
    assert names("README.md", text) == []


def test_each_entry_of_a_docstring_is_a_text_of_its_own() -> None:
    words = " ".join(["word"] * 20)
    docstring = (
        f'"""Text.\n\n    Attributes:\n        a: {words}\n        b: {words}\n            {words}\n    """'
    )
    problems = list(check_language("components/a.py", f"class A:\n    {docstring}\n"))
    assert [(problem.line, problem.message[:35]) for problem in problems] == [
        (6, "split this sentence of 40 words (long)"[:35])
    ]


def test_a_long_sentence_is_found_and_two_shorter_ones_pass() -> None:
    long = " ".join(["word"] * 31)
    assert names("README.md", f"{long}.") == ["long"]
    assert names("README.md", f"{long[:75]}. Then {long[:50]}.") == []


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("README.md", "# Title\n\nPulumi creates the\npool anew.\n", 3),
        ("README.md", "- one\n- Pulumi creates it anew.\n", 2),
        ("README.md", "| a | b |\n|---|---|\n| x | made anew |\n", 3),
        ("README.md", "```sh\nanew\n```\n\nMade anew.\n", 5),
        ("components/a.py", '"""Text.\n\nMade anew.\n"""\n', 3),
        ("components/a.py", "class A:\n    x: int\n    '''Made anew.'''\n", 3),
        ("components/a.py", "x = 1\n# Whoever reads this\n# is glad.\n", 2),
        ("components/a.py", "x = f'{1} is no IAM member of this'\n", 1),
        ("tests/test_a.py", "def test_what_is_gone_has_no_id() -> None: ...\n", 1),
        ("Makefile", "up: venv ## create the index anew\n", 1),
        ("Pulumi.dev.yaml", "config:\n  # Whoever installs.\n", 2),
        ("requirements.txt", "# Made anew.\npulumi\n", 1),
        (".ci/run", "#!/usr/bin/env bash\n# Made anew.\n", 2),
    ],
)
def test_a_mistake_is_found_at_its_line(path: str, text: str, line: int) -> None:
    assert [problem.line for problem in check_language(path, text)] == [line]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "```\nWho knows anew\n```\n<!-- Made anew. -->\n"),
        ("components/a.py", "x = 'anew'\ny = x  # noqa: S603\n"),
        # Tests quote what others print.
        ("tests/test_a.py", "x = 'this is no IAM member at all'\n"),
        ("docs/tour.svg", "<text>Made anew.</text>"),
    ],
)
def test_code_and_other_files_are_not_prose(path: str, text: str) -> None:
    assert names(path, text) == []
