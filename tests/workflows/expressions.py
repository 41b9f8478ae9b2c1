"""GitHub's expressions and the order of jobs, as far as the workflows of this repository use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[\w.*-]+)|(?P<sign>&&|\|\||==|!=|[!(),]))")
STATUS_FUNCTION = re.compile(r"\b(?:always|success|failure|cancelled)\(")


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression, with or without `${{ }}`.

    Raises:
        ValueError: it uses something that this module does not know.
    """
    tokens: list[str] = []
    rest = expression.strip().removeprefix("${{").removesuffix("}}").strip()
    while rest:
        if not (match := TOKEN.match(rest)):
            raise ValueError(rest)
        tokens.append(match[0].strip())
        rest = rest[match.end() :].strip()
    parser = _Parser(tokens, contexts)
    value = parser.either()
    if parser.tokens:
        raise ValueError(expression)
    return value


class _Parser:
    def __init__(self, tokens: list[str], contexts: Mapping[str, Any]) -> None:
        self.tokens = tokens
        self.contexts = contexts

    def accept(self, *signs: str) -> str:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in signs else ""

    def either(self) -> Any:
        value = self.both()
        while self.accept("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.accept("&&"):
            other = self.comparison()
            value = value and other
        return value

    def comparison(self) -> Any:
        value = self.operand()
        while sign := self.accept("==", "!="):
            # GitHub ignores case.
            equal = str(value).lower() == str(self.operand()).lower()
            value = equal == (sign == "==")
        return value

    def operand(self) -> Any:
        if self.accept("!"):
            return not self.operand()
        if self.accept("("):
            value = self.either()
            assert self.accept(")")
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.accept("("):
            arguments: list[Any] = []
            while not self.accept(")"):
                arguments.append(self.either())
                self.accept(",")
            return self.call(token, arguments)
        return self.look_up(token)

    def call(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case "always", []:
                return True
            case "join", [list() as values, separator]:
                return separator.join(values)
            case _:
                raise ValueError(f"{name}({arguments})")

    def look_up(self, path: str) -> Any:
        """A value of a context; a missing one is the empty text, as in a comparison on GitHub."""
        context, *parts = path.split(".")
        value: Any = self.contexts[context]
        for index, part in enumerate(parts):
            if part == "*":
                return [item[parts[index + 1]] for item in value.values()]
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else value


def run_jobs(
    jobs: Mapping[str, dict[str, Any]], contexts: Mapping[str, Any], results: Mapping[str, str]
) -> dict[str, str]:
    """The result of each job of a workflow.

    Args:
        jobs: the jobs, each after those that it needs.
        contexts: the contexts of expressions.
        results: the results of jobs that run, by default `success`.
    """
    done: dict[str, str] = {}
    for name, job in jobs.items():
        needs = job.get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        condition = job.get("if", "always()" if not needs else "")
        runs = STATUS_FUNCTION.search(condition) or all(done[need] == "success" for need in needs)
        if runs and condition:
            known = {**contexts, "needs": {need: needs_context(contexts, done, need) for need in needs}}
            runs = bool(evaluate(condition, known))
        done[name] = results.get(name, "success") if runs else "skipped"
    return done


def needs_context(contexts: Mapping[str, Any], done: Mapping[str, str], job: str) -> dict[str, Any]:
    """The context of a needed job. A job that was skipped has no outputs."""
    outputs = contexts.get("outputs", {}).get(job, {}) if done[job] == "success" else {}
    return {"result": done[job], "outputs": outputs}
