"""Asks axe-core (https://github.com/dequelabs/axe-core) whether a page keeps to WCAG 2.2 at level AA."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RUN = "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"


def violations(page: Page) -> list[str]:
    """One line for each rule that the page breaks, with the places. Needs the page's own scripts to be allowed."""
    page.evaluate(SOURCE.read_text())
    found = page.evaluate(RUN, TAGS)["violations"]
    return [f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:5]}" for one in found]
