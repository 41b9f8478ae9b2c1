"""`python -m checks`: the language rules, links and generated tables; exit status 1 if one has a problem.

Owns which files each check reads. `--write` brings the generated tables up to date first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from checks.files import Problem, repository_files
from checks.language import check_language
from checks.links import check_links, check_named_pages
from checks.tables import TableError, outputs_table, replace_table, settings_table

# Page, name of its markers, source of its table.
TABLES: tuple[tuple[str, str, str, Callable[[str], str]], ...] = (
    ("docs/configuration.md", "settings", "components/args.py", settings_table),
    ("docs/outputs.md", "outputs", "components/registry.py", outputs_table),
)
# The text of a licence is not ours, and a lock file is generated.
NOT_OURS = ("LICENSE", "requirements.lock")
# The rules and their tests contain the words that the rules forbid.
RULES = ("checks/language.py", "tests/checks/")


def check_tables(root: Path, *, write: bool) -> Iterator[Problem]:
    """Tables that differ from their source; with `write`, they are replaced instead."""
    for page, name, source, table in TABLES:
        try:
            text = (root / page).read_text(encoding="utf-8")
            current = replace_table(text, name, table((root / source).read_text(encoding="utf-8")))
        except (TableError, FileNotFoundError) as error:
            yield Problem(page, 1, f"table of {name} from {source}: {error}")
            continue
        if current == text:
            continue
        if write:
            (root / page).write_text(current, encoding="utf-8")
        else:
            yield Problem(page, 1, f"the table of {name} differs from {source}: run `make docs`")


def check_repository(root: Path, *, write: bool = False) -> list[Problem]:
    """All problems of a checkout, by file and line."""
    problems = list(check_tables(root, write=write))
    texts: dict[str, str] = {}
    paths = repository_files(root)
    for path in paths:
        try:
            texts[path] = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    pages = {path: text for path, text in texts.items() if path.endswith(".md")}
    problems += check_links(pages, set(paths))
    for path, text in texts.items():
        if path.endswith(NOT_OURS) or path.startswith(RULES):
            continue
        problems += check_language(path, text)
        if path not in pages and not path.startswith("tests/"):
            problems += check_named_pages(path, text, pages)
    return sorted(problems)


@click.command()
@click.option("--write", is_flag=True, help="Bring the generated tables up to date first.")
def main(write: bool) -> None:
    """Check the language, the links and the generated tables of this repository."""
    problems = check_repository(Path.cwd(), write=write)
    for problem in problems:
        click.echo(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
