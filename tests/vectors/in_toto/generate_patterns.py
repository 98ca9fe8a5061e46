"""Asks Python's fnmatch about random patterns and names, and writes `patterns.json`: [pattern, name, matches] each.

Patterns that we refuse (an unclosed set, a backward range) are left out.
"""

import fnmatch
import json
import pathlib
import random
import re

CHARACTERS = "ab-]!^*?[/\\.é"


def refused(pattern):
    at = 0
    while (at := pattern.find("[", at)) >= 0:
        body = at + 1 + (pattern[at + 1:at + 2] == "!")
        end = pattern.find("]", body + (pattern[body:body + 1] == "]"))
        if end < 0:
            return True
        members = pattern[body:end]
        while members:
            if members[1:2] == "-" and len(members) > 2:
                if members[0] > members[2]:
                    return True
                members = members[3:]
            else:
                members = members[1:]
        at = end + 1
    return False


def main():
    choose = random.Random(1)
    text = lambda characters, length: "".join(choose.choice(characters) for _ in range(choose.randrange(length)))
    cases = []
    while len(cases) < 3000:
        pattern = text(CHARACTERS, 9)
        # A name that is near the pattern, or any.
        name = re.sub(r"\*", lambda _: text("ab/", 4), pattern).replace("?", "a") if choose.random() < 0.5 else text(CHARACTERS, 7)
        if not refused(pattern):
            cases.append([pattern, name, fnmatch.fnmatchcase(name, pattern)])
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (pathlib.Path(__file__).parent / "patterns.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases,", sum(matches for *_, matches in cases), "match")


main()
