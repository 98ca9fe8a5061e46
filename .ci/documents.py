"""Checks the documents that people read: every relative link leads to a file, every anchor to a heading; every path of this
repository that is named is there; every page in docs/ is a chapter of the book, and links only to chapters; every decision in
docs/adr/ has a status and a date, which are those in the index.

Usage: documents.py, in the root of the repository.
"""

import os
import pathlib
import re
import subprocess
import sys

tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], check=True, capture_output=True, text=True)
pages = {path: path.read_text() for path in map(pathlib.Path, tracked.stdout.split()) if path.exists()}
wrong = []


def anchors(text):
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


for page, text in pages.items():
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            wrong.append(f"{page}: {link} does not exist")
        elif anchor and anchor not in anchors(target.read_text()):
            wrong.append(f"{page}: {link} names no heading")

# The last table of the architecture names what will be.
inside = re.compile(r"`((?:core|cli|archive-format|tests|samples|docs|\.ci)/[\w./-]+)`")
for page, text in pages.items():
    for path in inside.findall(text.split("\n## Rooms that come later")[0]):
        if not os.path.exists(path):
            wrong.append(f"{page}: {path} does not exist")

book = pathlib.Path("docs")
links = re.compile(r"\]\(([^)\s#]+)")
chapters = {book / link for link in links.findall(pages[book / "SUMMARY.md"])}
for page in sorted(page for page in pages if book in page.parents and page.name != "SUMMARY.md"):
    if page not in chapters:
        wrong.append(f"{page} is not in {book}/SUMMARY.md")
    for link in links.findall(re.sub(r"```.*?```|`[^`\n]*`", "", pages[page], flags=re.S)):
        if not re.match(r"[a-z]+:", link) and book not in pathlib.Path(os.path.normpath(page.parent / link)).parents:
            wrong.append(f"{page}: {link} is not in the book")

decisions = pathlib.Path("docs/adr")
index = (decisions / "README.md").read_text()
for page in sorted(decisions.glob("[0-9]*.md")):
    head = re.match(r"# (\d+)\. (.+)\n\nStatus: (.+)\\\nDate: (\d{4}-\d\d-\d\d)\n", page.read_text())
    if not head:
        wrong.append(f"{page} does not begin with its number and title, a status and a date")
    elif f"| [{head[1]}]({page.name}) | {head[2]} | {head[3]} | {head[4]} |" not in index:
        wrong.append(f"{page} is not in {decisions}/README.md, or with another title, status or date")

sys.exit("\n".join(wrong) or None)
