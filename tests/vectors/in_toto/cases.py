"""The cases: each changes one thing in a chain that holds, and says what class of verdict must come of it.

`expect` is `accept` or the class of the refusal. `note` says why, where the reference decides otherwise.
"""

import copy
import json

from chain import (
    Chain, FAR, Person, document, file_name, hashes, inspection, layout, link, raw_document,
    rule, step,
)

SCHEMES = [
    "ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsassa-pss-sha256", "rsassa-pss-sha384",
    "rsassa-pss-sha512", "rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512",
]

OWNER, ALICE, BOB, CAROL, MALLORY = (Person() for _ in range(5))


def chain(form="metablock"):
    return Chain(OWNER, ALICE, BOB, form)


def all_cases():
    for group in (
        key_types, layout_signatures, thresholds, links, unusual_texts, rules, patterns, parameters, sublayouts,
        layouts, products, inspections,
    ):
        yield from group()


def key_types():
    for scheme in SCHEMES:
        for form in ("metablock", "dsse"):
            # The reference reads a PEM as the kind's usual scheme, so only usual schemes can sign the layout.
            usual = scheme in ("ed25519", "rsassa-pss-sha256") or scheme.startswith("ecdsa")
            owner = Person(scheme) if usual else OWNER
            person = Person(scheme)
            yield Chain(owner, person, person, form).case(f"keys/{scheme}-{form}", "accept")
    weak = Person("weak-rsa")
    yield Chain(OWNER, weak, BOB).case(
        "keys/rsa-1024", "threshold", "RSA keys below 2048 bits verify nothing: they can be factored")
    for name, key in {
        "unknown-type": {"keytype": "sphincs", "scheme": "sphincs-shake-128s", "keyval": {"public": "00"}},
        "unknown-scheme": {"keytype": "ed25519", "scheme": "ed25519-new", "keyval": {"public": "00"}},
        "broken-public": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "zz"}},
    }.items():
        listed = chain()
        listed.raw = True
        listed.layout["keys"]["aa" * 32] = {"keyid": "aa" * 32, **key}
        listed.step(0)["pubkeys"].append("aa" * 32)
        note = "" if name == "broken-public" else "a key of an unknown kind counts for nothing, and spoils nothing"
        yield listed.case(f"keys/{name}-is-kept", "accept", note)
    confused = chain()
    confused.raw = True
    confused.layout["keys"][ALICE.id]["keyid"] = BOB.id
    yield confused.case("keys/listed-under-another-id", "layout")
    labelled = chain()
    alias = ALICE.called("ab" * 32)
    labelled.layout["keys"] = {alias.id: alias.key(), BOB.id: BOB.key()}
    labelled.step(0)["pubkeys"] = [alias.id]
    labelled.signers["write"] = [alias]
    yield labelled.case("keys/id-is-a-label", "accept")
    for form in ("metablock", "dsse"):
        other = Chain(OWNER, ALICE, BOB, form)
        other.files = {
            file_name("write", ALICE): None, "write.abababab.link": other.signed(other.write, [alias]),
        }
        yield other.case(
            f"keys/signature-names-key-by-another-id-{form}", "accept",
            "the same key under the id that another implementation gives it; the file name follows that id")


def layout_signatures():
    two = chain()
    two.owners, two.keys_given = [OWNER, CAROL], {"owner": OWNER, "carol": CAROL}
    yield two.case("layout-signatures/two-of-two", "accept")
    for form in ("metablock", "dsse"):
        one = Chain(OWNER, ALICE, BOB, form)
        one.keys_given = {"owner": OWNER, "carol": CAROL}
        yield one.case(f"layout-signatures/one-of-two-{form}", "layout-signature")
        wrong = Chain(OWNER, ALICE, BOB, form)
        wrong.keys_given = {"mallory": MALLORY}
        yield wrong.case(f"layout-signatures/wrong-key-{form}", "layout-signature")
        more = Chain(OWNER, ALICE, BOB, form)
        more.owners = [MALLORY, OWNER]
        yield more.case(f"layout-signatures/more-than-asked-{form}", "accept")
        none = Chain(OWNER, ALICE, BOB, form).case(f"layout-signatures/none-{form}", "layout-signature")
        stripped = json.loads(none.layout)
        stripped["signatures"] = []
        none.layout = json.dumps(stripped)
        none.expect = "layout-signature" if form == "metablock" else "layout"
        yield none
        impostor = Chain(OWNER, ALICE, BOB, form)
        impostor.owners = [MALLORY.called(OWNER.id)]
        yield impostor.case(f"layout-signatures/key-id-of-the-owner-signature-of-another-{form}", "layout-signature")
    tampered = chain().case("layout-signatures/tampered", "layout-signature")
    tampered.layout = tampered.layout.replace("CREATE", "ALLOW")
    yield tampered
    functionary = chain()
    functionary.owners = [ALICE]
    yield functionary.case("layout-signatures/by-a-functionary", "layout-signature")


def with_threshold(threshold, people, signed_by, form="metablock"):
    """The first step by several functionaries."""
    chain_ = Chain(OWNER, ALICE, BOB, form)
    chain_.step(0)["threshold"] = threshold
    chain_.step(0)["pubkeys"] = [it.id for it in people]
    chain_.layout["keys"].update({it.id: it.key() for it in people})
    chain_.signers["write"] = []
    chain_.files = {file_name("write", it): chain_.signed(chain_.write, [it]) for it in signed_by}
    return chain_


def thresholds():
    for form in ("metablock", "dsse"):
        yield with_threshold(2, [ALICE, CAROL], [ALICE, CAROL], form).case(f"thresholds/2-of-2-{form}", "accept")
        yield with_threshold(2, [ALICE, CAROL], [ALICE], form).case(f"thresholds/1-of-2-{form}", "threshold")
    yield with_threshold(2, [ALICE, CAROL, MALLORY], [ALICE, CAROL]).case("thresholds/2-of-3", "accept")
    yield with_threshold(3, [ALICE, CAROL], [ALICE, CAROL]).case("thresholds/3-of-2", "threshold")
    yield with_threshold(1, [ALICE], [ALICE, MALLORY]).case("thresholds/unnamed-signer-is-passed-over", "accept")
    yield with_threshold(2, [ALICE, CAROL], [ALICE, MALLORY]).case("thresholds/unnamed-signer-does-not-count", "threshold")
    for value in (0, -1):
        low = with_threshold(value, [ALICE], [])
        yield low.case(f"thresholds/{value}", "layout")
        signed = with_threshold(value, [ALICE], [ALICE])
        yield signed.case(f"thresholds/{value}-and-signed", "layout", "a threshold below 1 asks for nobody")
    alias = ALICE.called("ab" * 32)
    for form in ("metablock", "dsse"):
        yield with_threshold(2, [ALICE, alias], [ALICE, alias], form).case(
            f"thresholds/one-key-under-two-labels-{form}", "threshold", "one key is one functionary, whatever it is called")
    both = with_threshold(2, [ALICE, CAROL], [])
    both.files = {file_name("write", ALICE): both.signed(both.write, [ALICE, CAROL])}
    yield both.case("thresholds/one-file-with-two-signatures", "threshold")
    for form in ("metablock", "dsse"):
        differ = with_threshold(2, [ALICE, CAROL], [ALICE], form)
        other = link("write", {}, {"source.txt": "another"})
        differ.files[file_name("write", CAROL)] = differ.signed(other, [CAROL])
        yield differ.case(f"thresholds/links-disagree-{form}", "disagreement")
    outvoted = with_threshold(2, [ALICE, BOB, CAROL], [ALICE, BOB])
    outvoted.files[file_name("write", CAROL)] = outvoted.signed(link("write", {}, {"source.txt": "another"}), [CAROL])
    yield outvoted.case("thresholds/one-of-three-disagrees", "disagreement")


def links():
    for form in ("metablock", "dsse"):
        missing = Chain(OWNER, ALICE, BOB, form)
        missing.files[file_name("pack", BOB)] = None
        yield missing.case(f"links/missing-{form}", "missing-link")
        other_step = Chain(OWNER, ALICE, BOB, form)
        other_step.signers["write"] = []
        other_step.files = {file_name("write", BOB): other_step.signed(other_step.write, [BOB])}
        yield other_step.case(f"links/key-of-another-step-{form}", "threshold")
        by_owner = Chain(OWNER, ALICE, BOB, form)
        by_owner.signers["write"] = []
        by_owner.files = {file_name("write", ALICE): by_owner.signed(by_owner.write, [OWNER])}
        yield by_owner.case(f"links/key-of-the-layout-{form}", "threshold")
        impostor = Chain(OWNER, ALICE, BOB, form)
        impostor.signers["write"] = [MALLORY.called(ALICE.id)]
        yield impostor.case(f"links/key-id-of-the-functionary-signature-of-another-{form}", "threshold")
        renamed = Chain(OWNER, ALICE, BOB, form)
        renamed.files = {file_name("write", ALICE): renamed.signed({**renamed.write, "name": "pack"}, [ALICE])}
        yield renamed.case(
            f"links/reports-another-step-{form}", "threshold",
            "a link says which step it reports; taken for another step it is a replay")
        unsigned = Chain(OWNER, ALICE, BOB, form)
        text = json.loads(unsigned.signed(unsigned.write, [ALICE]))
        text["signatures"] = []
        unsigned.files = {file_name("write", ALICE): json.dumps(text)}
        yield unsigned.case(f"links/unsigned-{form}", "threshold")
    tampered = chain()
    tampered.files = {
        file_name("write", ALICE): tampered.signed(tampered.write, [ALICE]).replace("source.txt", "other.txt"),
    }
    yield tampered.case("links/tampered", "threshold")
    swapped = chain()
    swapped.layout["keys"][CAROL.id] = CAROL.key()
    swapped.step(0)["pubkeys"] = [CAROL.id]
    yield swapped.case("links/listed-key-that-the-step-does-not-name", "threshold")
    hidden = chain()
    hidden.layout["keys"][CAROL.id] = CAROL.key()
    hidden.step(0)["pubkeys"] = [CAROL.id]
    hidden.files = {
        file_name("write", ALICE): None, file_name("write", CAROL): hidden.signed(hidden.write, [ALICE]),
    }
    yield hidden.case("links/listed-key-under-the-file-name-of-another", "threshold")
    nobody = chain()
    nobody.step(0)["pubkeys"] = []
    yield nobody.case("links/step-without-keys", "threshold")
    for name, text in {
        "not-json": "{", "duplicate-member": None, "an-array": "[]", "empty": "",
    }.items():
        broken = chain()
        if text is None:
            text = broken.signed(broken.write, [ALICE]).replace('"signatures":', '"signatures":[],"signatures":', 1)
        broken.files = {file_name("write", ALICE): text}
        note = "a document with two meanings has none" if name == "duplicate-member" else ""
        yield broken.case(f"links/{name}", "threshold", note)
    typed = Chain(OWNER, ALICE, BOB, "dsse")
    text = json.loads(typed.signed(typed.write, [ALICE]))
    text["payloadType"] = "application/json"
    typed.files = {file_name("write", ALICE): json.dumps(text)}
    yield typed.case("links/other-payload-type", "threshold")
    mixed = chain()
    mixed.files = {file_name("write", ALICE): document(mixed.write, [ALICE], "dsse")}
    yield mixed.case("links/envelope-under-a-metablock-layout", "accept")
    command = chain()
    command.pack["command"] = ["something", "else"]
    yield command.case("links/other-command-is-a-warning", "accept")


def unusual_texts():
    for name, text in {
        "nfd": "e\u0301", "nfc": "\u00e9", "tab": "a\tb", "newline": "a\nb", "backslash": "a\\b", "quote": 'a"b',
        "control": "a\u0001\u001fb", "delete": "a\u007fb", "astral": "\U0001f600\uff61", "slash": "a/b",
    }.items():
        for form in ("metablock", "dsse"):
            odd = Chain(OWNER, ALICE, BOB, form)
            odd.write["products"] = {text: hashes("x")}
            odd.write["byproducts"] = {text: text, "stdout": text}
            odd.write["command"] = [text]
            odd.layout["readme"] = text
            odd.step(0)["expected_products"] = [["REQUIRE", text], ["CREATE", text], rule("DISALLOW *")]
            odd.pack["materials"] = {text: hashes("x")}
            odd.step(1)["expected_materials"] = [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], rule("DISALLOW *")]
            odd.pack["products"] = {"bundle.json": hashes(Chain.BUNDLE)}
            yield odd.case(f"texts/{name}-{form}", "accept")
    folded = chain()
    folded.write["products"] = {"\u00e9": hashes("x")}
    folded.step(0)["expected_products"] = [["CREATE", "e\u0301"], rule("DISALLOW *")]
    yield folded.case("texts/no-unicode-normalisation", "rule")
    unknown = chain()
    unknown.files = {file_name("write", ALICE): raw_document({**unknown.write, "new": {"b": 1, "a": None}}, [ALICE], "metablock")}
    yield unknown.case(
        "texts/unknown-member-is-signed", "accept",
        "what was signed is verified as it is; the reference drops unknown members before it verifies")
    dropped = chain()
    text = json.loads(dropped.signed(dropped.write, [ALICE]))
    text["signed"]["new"] = 1
    dropped.files = {file_name("write", ALICE): json.dumps(text)}
    yield dropped.case(
        "texts/unknown-member-that-was-not-signed", "threshold",
        "a member that nobody signed was added; the reference drops it before it verifies")


def with_rules(expected, materials, products, which="expected_products"):
    """The second step, with other artifacts and rules; the first made `source.txt`."""
    changed = chain()
    changed.pack = link("pack", materials, products)
    changed.step(1)["expected_materials"], changed.step(1)["expected_products"] = [], []
    changed.step(1)[which] = [it if isinstance(it, list) else rule(it) for it in expected]
    changed.product = {}
    return changed


def rules():
    source = {"source.txt": Chain.SOURCE}
    stop = "DISALLOW *"
    for name, expect, expected, materials, products in [
        ("create", "accept", ["CREATE new", stop], {}, {"new": "x"}),
        ("create-but-was-there", "rule", ["CREATE new", stop], {"new": "x"}, {"new": "x"}),
        ("create-but-was-there-and-changed", "rule", ["CREATE new", stop], {"new": "y"}, {"new": "x"}),
        ("modify", "accept", ["MODIFY new", stop], {"new": "y"}, {"new": "x"}),
        ("modify-but-is-the-same", "rule", ["MODIFY new", stop], {"new": "x"}, {"new": "x"}),
        ("modify-but-was-not-there", "rule", ["MODIFY new", stop], {}, {"new": "x"}),
        ("allow", "accept", ["ALLOW new", stop], {}, {"new": "x"}),
        ("allow-other", "rule", ["ALLOW old", stop], {}, {"new": "x"}),
        ("disallow-nothing", "accept", ["DISALLOW old"], {}, {"new": "x"}),
        ("disallow", "rule", ["DISALLOW new"], {}, {"new": "x"}),
        ("require", "accept", ["REQUIRE new"], {}, {"new": "x"}),
        ("require-missing", "rule", ["REQUIRE old"], {}, {"new": "x"}),
        ("require-is-literal", "rule", ["REQUIRE *"], {}, {"new": "x"}),
        ("require-after-it-was-consumed", "rule", ["ALLOW new", "REQUIRE new"], {}, {"new": "x"}),
        ("the-rest-is-allowed", "accept", ["CREATE other"], {}, {"new": "x"}),
        ("order-disallow-first", "rule", [stop, "ALLOW new"], {}, {"new": "x"}),
        ("keywords-in-any-case", "accept", ["create new", "Disallow *"], {}, {"new": "x"}),
        ("match", "accept", ["MATCH source.txt WITH PRODUCTS FROM write", stop], {}, source),
        ("match-other-content", "rule", ["MATCH source.txt WITH PRODUCTS FROM write", stop], {}, {"source.txt": "y"}),
        ("match-other-name", "rule", ["MATCH * WITH PRODUCTS FROM write", stop], {}, {"copy.txt": Chain.SOURCE}),
        ("match-with-materials", "rule", ["MATCH source.txt WITH MATERIALS FROM write", stop], {}, source),
        ("match-from-itself", "accept", ["MATCH new WITH MATERIALS FROM pack", stop], {"new": "x"}, {"new": "x"}),
        ("match-from-nowhere", "rule", ["MATCH source.txt WITH PRODUCTS FROM nowhere", stop], {}, source),
        ("match-in-source-prefix", "accept", ["MATCH *.txt IN src WITH PRODUCTS FROM write", stop], {},
         {"src/source.txt": Chain.SOURCE}),
        ("match-in-source-prefix-with-slash", "accept", ["MATCH *.txt IN src/ WITH PRODUCTS FROM write", stop], {},
         {"src/source.txt": Chain.SOURCE}),
        ("match-prefix-is-a-folder", "rule", ["MATCH * IN s WITH PRODUCTS FROM write", stop], {}, source),
        ("match-prefix-is-no-pattern", "rule", ["MATCH * IN s* WITH PRODUCTS FROM write", stop], {},
         {"src/source.txt": Chain.SOURCE}),
        ("match-in-destination-prefix", "rule", ["MATCH * WITH PRODUCTS IN src FROM write", stop], {}, source),
        ("names-are-not-normalised", "rule", ["MATCH source.txt WITH PRODUCTS FROM write", stop], {},
         {"./source.txt": Chain.SOURCE}),
        ("case-matters", "rule", ["ALLOW source.txt", stop], {}, {"Source.txt": "x"}),
        ("uri", "accept", ["ALLOW oci://example.com/*", stop], {}, {"oci://example.com/a//b:1": "x"}),
        ("uri-is-not-normalised", "rule", ["ALLOW oci://example.com/a/b", stop], {}, {"oci://example.com/a//b": "x"}),
    ]:
        yield with_rules(expected, materials, products).case(f"rules/{name}", expect)
    both = with_rules(["MATCH *.txt IN out WITH PRODUCTS IN src FROM write", stop], {}, {"out/a.txt": "x"})
    both.write = link("write", {}, {"src/a.txt": "x"})
    both.step(0)["expected_products"] = []
    yield both.case("rules/match-in-both-prefixes", "accept")
    for name, expect, materials, products in [
        ("delete", "accept", {"old": "x"}, {}),
        ("delete-but-is-still-there", "rule", {"old": "x"}, {"old": "x"}),
    ]:
        yield with_rules(["DELETE old", stop], materials, products, "expected_materials").case(f"rules/{name}", expect)
    silent = with_rules(["MATCH a WITH PRODUCTS FROM write", stop], {}, {})
    silent.pack["products"], silent.write["products"] = {"a": {}}, {"a": {}}
    silent.step(0)["expected_products"] = []
    yield silent.case("rules/match-without-hashes", "rule", "two artifacts without a hash are not known to be equal")
    for first, second in (("a/b", "a//b"), ("a", "./a"), ("a", "b/../a")):
        twice = with_rules(["ALLOW *"], {}, {})
        twice.pack["products"] = {first: hashes("x"), second: hashes("y")}
        yield twice.case(
            "rules/two-names-for-one-path-" + second.replace("/", "_"), "threshold",
            "a link with two names for one path lets a rule look at the one and a client use the other")
    for name, words in {
        "unknown-keyword": ["PERMIT", "a"], "too-few-words": ["ALLOW"], "too-many-words": ["ALLOW", "a", "b"],
        "match-without-from": ["MATCH", "a", "WITH", "PRODUCTS"],
        "match-with-byproducts": ["MATCH", "a", "WITH", "BYPRODUCTS", "FROM", "write"],
    }.items():
        bad = with_rules([words], {}, {})
        bad.raw = True
        yield bad.case(f"rules/{name}", "layout")


def patterns():
    stop = "DISALLOW *"
    for name, expect, pattern, artifact in [
        ("star-crosses-folders", "accept", "*", "a/b/c"), ("star-matches-nothing", "accept", "a*", "a"),
        ("question-mark", "accept", "a?c", "abc"), ("question-mark-needs-one", "rule", "a?c", "ac"),
        ("set", "accept", "[abc]", "b"), ("range", "accept", "[a-c]", "b"), ("negated-set", "accept", "[!a]", "b"),
        ("negated-set-refuses", "rule", "[!a]", "a"), ("bracket-in-set", "accept", "[]]", "]"),
        ("caret-is-literal", "rule", "[^a]", "b"), ("hidden-file", "accept", "*", ".hidden"),
        ("no-escape", "rule", "\\*", "*"), ("backslash-is-literal", "accept", "\\*", "\\a"),
        ("no-alternatives", "rule", "a.{b,c}", "a.b"), ("whole-name", "rule", "a", "ab"),
        ("double-star", "accept", "a/**/b", "a/x/y/b"), ("newline", "accept", "*b", "a\nb"),
    ]:
        yield with_rules([["ALLOW", pattern], rule(stop)], {}, {artifact: "x"}).case(f"patterns/{name}", expect)
    for name, pattern in {"unclosed": "a[b", "unclosed-negation": "[!", "empty-set": "[]", "backward-range": "[z-a]"}.items():
        for keyword in ("ALLOW", "DISALLOW"):
            yield with_rules([[keyword, pattern]], {}, {"x": "x"}).case(
                f"patterns/{name}-{keyword.lower()}", "layout",
                "a pattern that cannot be meant is an error, never a rule that matches nothing")
    hostile = with_rules([["ALLOW", "*a" * 30 + "b"]], {}, {"a" * 200: "x"})
    yield hostile.case("patterns/exponential-if-done-naively", "accept")


def parameters():
    def with_parameter(text, given):
        changed = with_rules([["ALLOW", text], rule("DISALLOW *")], {}, {"a-1.0": "x"})
        changed.parameters = given
        return changed

    yield with_parameter("a-{VERSION}", {"VERSION": "1.0"}).case("parameters/filled-in", "accept")
    yield with_parameter("a-{VERSION}", {"VERSION": "2.0"}).case("parameters/other-value", "rule")
    yield with_parameter("a-{VERSION}", {"OTHER": "1.0"}).case("parameters/missing-value", "layout")
    yield with_parameter("a-{VERSION.x}", {"VERSION": "1.0"}).case("parameters/attribute", "layout")
    yield with_parameter("a-{", {"VERSION": "1.0"}).case("parameters/stray-brace", "layout")
    yield with_parameter("a-1.0", {"VERSION": "1.0"}).case("parameters/not-used", "accept")
    doubled = with_rules([["ALLOW", "{{a}}"], rule("DISALLOW *")], {}, {"{a}": "x"})
    doubled.parameters = {"a": "b"}
    yield doubled.case("parameters/doubled-braces", "accept")
    unset = with_rules([["DISALLOW", "{NAME}"]], {}, {"evil": "x"})
    yield unset.case("parameters/rule-asks-and-none-given", "layout", "DISALLOW {NAME} would disallow nothing")
    command = chain()
    command.step(1)["expected_command"] = ["sh", "-c", "echo ${HOME}"]
    yield command.case("parameters/command-with-braces-and-none-given", "accept")
    step_name = chain()
    step_name.step(1)["expected_materials"] = [rule("MATCH source.txt WITH PRODUCTS FROM {STEP}"), rule("DISALLOW *")]
    step_name.parameters = {"STEP": "write"}
    yield step_name.case("parameters/in-step-name", "accept")
    spaces = with_rules([["ALLOW", "{A}"], rule("DISALLOW *")], {}, {"a b": "x"})
    spaces.parameters = {"A": "a b"}
    yield spaces.case("parameters/value-with-a-space-is-one-word", "accept")


def with_sublayout(form="metablock", sub_signer=ALICE, **changes):
    """The first step is done by alice's own layout, in which carol does the work."""
    top = Chain(OWNER, ALICE, BOB, form)
    sub = layout(
        [step("type", [CAROL], products=[rule("CREATE source.txt"), rule("DISALLOW *")])], [CAROL],
        expires=changes.get("expires", FAR))
    if "keys" in changes:
        sub["keys"], sub["steps"][0]["pubkeys"] = changes["keys"], list(changes["keys"])
    worker = changes.get("worker", CAROL)
    report = link("type", {}, {"source.txt": changes.get("content", Chain.SOURCE)})
    top.signers["write"] = []
    folder = f"write.{ALICE.id[:8]}"
    top.files = {
        f"{folder}.link": top.signed(sub, [sub_signer]),
        f"{folder}/{file_name('type', worker)}": top.signed(report, [worker]),
    }
    return top, sub, folder


def sublayouts():
    for form in ("metablock", "dsse"):
        yield with_sublayout(form)[0].case(f"sublayouts/holds-{form}", "accept")
        yield with_sublayout(form, expires="2020-01-01T00:00:00Z")[0].case(f"sublayouts/expired-{form}", "expired")
        yield with_sublayout(form, sub_signer=MALLORY)[0].case(f"sublayouts/signed-by-another-{form}", "threshold")
        yield with_sublayout(form, sub_signer=OWNER)[0].case(f"sublayouts/signed-by-the-owner-{form}", "threshold")
        yield with_sublayout(form, worker=BOB)[0].case(
            f"sublayouts/link-by-a-key-of-the-layout-above-{form}", "threshold")
        yield with_sublayout(form, worker=ALICE)[0].case(f"sublayouts/link-by-its-own-signer-{form}", "threshold")
        yield with_sublayout(form, content="other")[0].case(f"sublayouts/other-products-{form}", "rule")
    missing, _, folder = with_sublayout()
    missing.files[f"{folder}/{file_name('type', CAROL)}"] = None
    yield missing.case("sublayouts/missing-link", "missing-link")
    flat, _, folder = with_sublayout()
    text = flat.files.pop(f"{folder}/{file_name('type', CAROL)}")
    flat.files[file_name("type", CAROL)] = text
    yield flat.case("sublayouts/link-outside-its-folder", "missing-link")
    escaped, sub, folder = with_sublayout()
    sub["steps"][0]["name"] = "../pack"
    escaped.files[f"{folder}.link"] = escaped.signed(sub, [ALICE])
    yield escaped.case("sublayouts/step-name-leaves-the-folder", "layout")
    asking, sub, folder = with_sublayout()
    sub["steps"][0]["expected_products"] = [["ALLOW", "{NAME}"], rule("DISALLOW *")]
    asking.files[f"{folder}.link"] = asking.signed(sub, [ALICE])
    asking.parameters = {"NAME": "source.txt"}
    yield asking.case("sublayouts/parameters-stay-above", "layout")
    for depth, expect in ((3, "accept"), (8, "accept"), (9, "limit"), (30, "limit")):
        deep = chain()
        deep.signers["write"], folder = [], ""
        for level in range(depth):
            inner = layout([step("write", [ALICE])], [ALICE])
            deep.files[f"{folder}write.{ALICE.id[:8]}.link"] = deep.signed(inner, [ALICE])
            folder += f"write.{ALICE.id[:8]}/"
        deep.files[f"{folder}write.{ALICE.id[:8]}.link"] = deep.signed(deep.write, [ALICE])
        note = "sublayouts nest at most 8 deep" if expect == "limit" else ""
        yield deep.case(f"sublayouts/{depth}-deep", expect, note)
    agreeing, sub, folder = with_sublayout()
    agreeing.step(0)["threshold"], agreeing.step(0)["pubkeys"] = 2, [ALICE.id, CAROL.id]
    agreeing.layout["keys"][CAROL.id] = CAROL.key()
    agreeing.files[file_name("write", CAROL)] = agreeing.signed(agreeing.write, [CAROL])
    yield agreeing.case("sublayouts/agrees-with-a-link", "accept")
    agreeing.files[file_name("write", CAROL)] = agreeing.signed(link("write", {}, {"source.txt": "other"}), [CAROL])
    yield agreeing.case("sublayouts/disagrees-with-a-link", "disagreement")


def layouts():
    expired = chain()
    expired.layout["expires"] = "2020-01-01T00:00:00Z"
    yield expired.case("layouts/expired", "expired")
    enveloped = chain("dsse")
    enveloped.layout["expires"] = "2020-01-01T00:00:00Z"
    yield enveloped.case("layouts/expired-dsse", "expired")
    for name, change, expect, note in [
        ("expires-is-no-time", {"expires": "tomorrow"}, "layout", ""),
        ("expires-with-an-offset", {"expires": "2099-01-01T00:00:00+00:00"}, "layout", ""),
        ("steps-is-no-list", {"steps": {}}, "layout", ""),
        ("keys-is-no-object", {"keys": []}, "layout", ""),
        ("type-is-link", {"_type": "link"}, "layout", ""),
    ]:
        bad = chain()
        bad.raw = True
        signed = raw_document({**bad.layout, **change}, [OWNER], "metablock")
        case = bad.case(f"layouts/{name}", expect, note)
        case.layout = signed
        yield case
    twice = chain()
    twice.raw = True
    twice.layout["steps"].append(copy.deepcopy(twice.step(0)))
    yield twice.case("layouts/two-steps-of-one-name", "layout")
    shared = chain()
    shared.raw = True
    shared.layout["inspect"] = [inspection("write", ["true"])]
    yield shared.case("layouts/step-and-inspection-of-one-name", "layout")
    for name, step_name in {"slash": "a/b", "empty": "", "control": "a\nb"}.items():
        named = chain()
        named.layout["steps"].append(step(step_name, [ALICE], threshold=1))
        named.files = {f"{step_name}.{ALICE.id[:8]}.link": named.signed(link(step_name), [ALICE])} if name != "slash" else {}
        note = "" if name == "slash" else "a step's name is a part of file names"
        yield named.case(f"layouts/step-name-{name}", "layout", note)
    constrained = chain()
    constrained.raw = True
    constrained.step(0)["cert_constraints"] = [{"common_name": "*", "roots": ["*"]}]
    yield constrained.case("layouts/certificate-constraints", "layout")
    unconstrained = chain()
    unconstrained.raw = True
    unconstrained.step(0)["cert_constraints"] = []
    yield unconstrained.case(
        "layouts/no-certificate-constraints", "accept", "what in-toto-golang writes; the reference drops the member")
    both = chain().case("layouts/metablock-and-envelope-at-once", "layout", "a document with two meanings has none")
    both.layout = json.dumps({**json.loads(both.layout), **json.loads(chain("dsse").case("", "").layout)})
    yield both
    duplicate = chain().case("layouts/duplicate-member", "layout", "a document with two meanings has none")
    duplicate.layout = duplicate.layout.replace('"readme":""', '"readme":"","readme":""', 1)
    yield duplicate


def products():
    """Not judged by the reference: without an inspection it does not look at the final product."""
    note = "the reference looks at the final product only in inspections"
    tampered = chain()
    tampered.product = {"bundle.json": "tampered"}
    yield tampered.case("products/tampered", "product", note)
    foreign = chain()
    foreign.product = {"bundle.json": Chain.BUNDLE, "other.json": "x"}
    yield foreign.case("products/a-file-that-no-step-produced", "product", note)
    intermediate = chain()
    intermediate.write = link("write", {}, {"source.txt": Chain.SOURCE, "bundle.json": "draft"})
    intermediate.step(0)["expected_products"] = [rule("CREATE *")]
    intermediate.pack = link("pack", intermediate_materials := {"source.txt": Chain.SOURCE, "bundle.json": "draft"},
                             {"source.txt": Chain.SOURCE, "bundle.json": Chain.BUNDLE})
    del intermediate_materials
    intermediate.step(1)["expected_materials"] = [rule("MATCH * WITH PRODUCTS FROM write")]
    intermediate.step(1)["expected_products"] = [rule("MODIFY bundle.json")]
    yield intermediate.case("products/last-version", "accept")
    intermediate.product = {"bundle.json": "draft"}
    yield intermediate.case("products/earlier-version", "product", note)
    later = chain()
    later.layout["steps"].append(step("scan", [ALICE]))
    later.files = {file_name("scan", ALICE): later.signed(link("scan", {"bundle.json": Chain.BUNDLE}, {"report": "ok"}), [ALICE])}
    yield later.case("products/looked-at-by-a-later-step", "accept")
    folder = chain()
    folder.pack = link("pack", {"source.txt": Chain.SOURCE}, {"source.txt": Chain.SOURCE, "dist/bundle.json": Chain.BUNDLE})
    folder.step(1)["expected_products"] = [rule("ALLOW *")]
    yield folder.case("products/in-a-folder", "accept")
    folder.pack = link("pack", {"source.txt": Chain.SOURCE}, {
        "source.txt": Chain.SOURCE, "dist/bundle.json": Chain.BUNDLE, "test/bundle.json": "fixture"})
    yield folder.case("products/in-two-folders", "product", note)


def inspections():
    def with_inspection(run, materials=(), products_=()):
        changed = chain()
        changed.layout["inspect"] = [inspection("look", run, [rule(it) for it in materials], [rule(it) for it in products_])]
        return changed

    bind = ["MATCH bundle.json WITH PRODUCTS FROM pack", "DISALLOW *"]
    yield with_inspection(["true"], bind, bind).case("inspections/holds", "accept", inspections="accept")
    yield with_inspection(["false"]).case("inspections/fails", "accept", inspections="inspection")
    yield with_inspection(["sh", "-c", "echo x > new"], bind, bind).case("inspections/leaves-a-file", "accept", inspections="rule")
    yield with_inspection(["cp", "bundle.json", "copy.json"], bind, [
        "CREATE copy.json", *bind]).case("inspections/creates", "accept", inspections="accept")
    yield with_inspection(["no-such-command-anywhere"]).case("inspections/no-such-command", "accept", inspections="inspection")
    tampered = with_inspection(["true"], bind)
    tampered.product = {"bundle.json": "tampered"}
    yield tampered.case("inspections/tampered-product", "product", inspections="product")
    filled = with_inspection(["test", "{A}", "=", "b"], bind)
    filled.parameters = {"A": "b"}
    yield filled.case("inspections/parameter-in-command", "accept", inspections="accept")
    empty = with_inspection([])
    yield empty.case("inspections/no-command", "layout")
