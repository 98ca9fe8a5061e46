//! Tags that were set, as a person reads them and as `--json` shows them.

use sealift_archive_format::Digest;
use sealift_core::import::{AttachedOutcome, AttachedTag, DeliveredForm, DeliveredPart, LeftBehind, SetTag};
use sealift_core::report::Report;
use serde::Serialize;

use crate::terminal::text::Text;

/// What was delivered, and what it was judged to be.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryReport<'a> {
    #[serde(flatten)]
    report: &'a Report,
    tags: Vec<Tagged<'a>>,
    attached_tags: Vec<AttachedTagged<'a>>,
    left_behind: &'a [LeftBehind],
}

impl<'a> DeliveryReport<'a> {
    /// The report about an archive, and the tags that were set.
    pub(crate) fn new(
        report: &'a Report,
        tags: &'a [SetTag],
        attached: &'a [AttachedTag],
        left_behind: &'a [LeftBehind],
    ) -> Self {
        let attached_tags = attached.iter().map(AttachedTagged::from).collect();
        Self { report, tags: tags.iter().map(Tagged::from).collect(), attached_tags, left_behind }
    }
}

/// A tag that was set.
#[derive(Serialize)]
struct Tagged<'a> {
    reference: &'a str,
    digest: &'a Digest,
    carried: &'a Digest,
    form: DeliveredForm,
    change: TagChange,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Digest>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    without: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<TaggedPart<'a>>,
}

impl<'a> From<&'a SetTag> for Tagged<'a> {
    fn from(tag: &'a SetTag) -> Self {
        let SetTag { reference, digest, carried, form, before, without, parts } = tag;
        let (change, before) = (TagChange::of(tag), before.as_ref());
        let parts = parts.iter().map(TaggedPart::from).collect();
        Self { reference, digest, carried, form: *form, change, before, without, parts }
    }
}

/// A part of a bundle that was delivered under another digest than the one that the bundle states.
#[derive(Serialize)]
struct TaggedPart<'a> {
    reference: &'a str,
    digest: &'a Digest,
    carried: &'a Digest,
    form: DeliveredForm,
}

impl<'a> From<&'a DeliveredPart> for TaggedPart<'a> {
    fn from(DeliveredPart { reference, digest, carried, form }: &'a DeliveredPart) -> Self {
        Self { reference, digest, carried, form: *form }
    }
}

/// The tag of something that hangs off an image or a bundle.
#[derive(Serialize)]
struct AttachedTagged<'a> {
    reference: &'a str,
    digest: &'a Digest,
    #[serde(flatten)]
    outcome: &'a AttachedOutcome,
}

impl<'a> From<&'a AttachedTag> for AttachedTagged<'a> {
    fn from(AttachedTag { reference, digest, outcome }: &'a AttachedTag) -> Self {
        Self { reference, digest, outcome }
    }
}

/// What became of a tag.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum TagChange {
    New,
    Moved,
    AsItWas,
}

impl TagChange {
    fn of(tag: &SetTag) -> Self {
        match &tag.before {
            None => Self::New,
            Some(before) if *before == tag.digest => Self::AsItWas,
            Some(_) => Self::Moved,
        }
    }
}

/// Where tags are set, as far as that decides what a person can do about one that was left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagsOf {
    /// A registry or layout, in which a tag that is named can be moved.
    Place,
    /// A new file or folder, in which nothing was before.
    NewPlace,
}

/// All tags, a line for each.
pub(crate) fn lines(tags: &[SetTag], attached: &[AttachedTag], of: TagsOf) -> Text {
    let mut text = Text::default();
    let attached_lines = attached.iter().map(|tag| attached_line(tag, attached, of));
    let tag_lines = tags.iter().flat_map(|tag| std::iter::once(line(tag)).chain(tag.parts.iter().map(part_line)));
    tag_lines.chain(attached_lines).for_each(|line| text.line(line));
    text
}

/// What was not delivered, a warning for each.
pub(crate) fn left_behind_lines(left_behind: &[LeftBehind]) -> Text {
    let mut text = Text::default();
    for LeftBehind { reference, count } in left_behind {
        let what = if *count == 1 {
            "1 referrer or signature".to_owned()
        } else {
            format!("{count} referrers and signatures")
        };
        text.line(format_args!("warning: {what} of {reference} left behind: this kind of file has no place for them"));
    }
    text
}

/// A tag: what it resolves to now, and what it resolved to before.
fn line(tag: &SetTag) -> String {
    let SetTag { reference, digest, carried, form, before, without, parts: _ } = tag;
    let what = instead(*form, carried);
    let change = match (TagChange::of(tag), before) {
        (TagChange::Moved, Some(before)) => format!("moved from {before}"),
        (TagChange::AsItWas, _) => "as it was".to_owned(),
        (TagChange::New | TagChange::Moved, _) => "new".to_owned(),
    };
    let without = match without.as_slice() {
        [] => String::new(),
        platforms => format!("; without {}", platforms.join(", ")),
    };
    format!("  {reference}  {digest}{what} ({change}{without})")
}

/// What was delivered in the place of something that was carried.
fn instead(form: DeliveredForm, carried: &Digest) -> String {
    match form {
        DeliveredForm::AsCarried => String::new(),
        DeliveredForm::OnePlatform => format!(", the one platform that was delivered of {carried}"),
        DeliveredForm::Artifact => format!(", an artifact made here that holds {carried}; nobody signed it"),
        DeliveredForm::MadeHere => format!(", an index made here of what was delivered of {carried}; nobody signed it"),
    }
}

/// A part of a bundle that was delivered under another digest than the one that the bundle states.
fn part_line(DeliveredPart { reference, digest, carried, form }: &DeliveredPart) -> String {
    let what = instead(*form, carried);
    format!("    {reference} in it is {digest}{what}; tools that compare it with bundle.json may refuse it")
}

/// The tag of something that hangs off an image or a bundle.
fn attached_line(tag: &AttachedTag, all: &[AttachedTag], of: TagsOf) -> String {
    let AttachedTag { reference, digest, outcome } = tag;
    let came_too = |held: &Digest| all.iter().any(|other| other.reference == *reference && other.digest == *held);
    match outcome {
        AttachedOutcome::New => format!("  {reference}  {digest} (new)"),
        AttachedOutcome::Moved { before } => format!("  {reference}  {digest} (moved from {before})"),
        AttachedOutcome::AsItWas => format!("  {reference}  {digest} (as it was)"),
        AttachedOutcome::Kept { held } if of == TagsOf::NewPlace || came_too(held) => {
            format!(
                "  {reference}  left as it was: it holds {held}, which came with it; {digest} is there without a tag"
            )
        }
        AttachedOutcome::Kept { held } => format!(
            "  {reference}  left as it was: it holds {held}, which was not delivered here; --replace-tag {reference} moves it to {digest}"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn fields_of(value: &serde_json::Value) -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_schema_describes_the_tags_of_a_report() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/schema/report.schema.json")).unwrap();
        let (digest, form) = (&Digest::sha256(b"app"), DeliveredForm::AsCarried);
        let (change, before) = (TagChange::AsItWas, Some(digest));
        let without = &["linux/arm64".to_owned()][..];
        let part = TaggedPart { reference: "e.x/app:1", digest, carried: digest, form };
        let described = fields_of(&schema["$defs"]["tagPart"]["properties"]);
        assert_eq!(fields_of(&serde_json::to_value(&part).unwrap()), described);
        assert_eq!(schema["$defs"]["tag"]["properties"]["parts"]["items"]["$ref"], "#/$defs/tagPart");
        let tagged = Tagged {
            reference: "r.example/app:1",
            digest,
            carried: digest,
            form,
            change,
            before,
            without,
            parts: vec![part],
        };
        let fields = fields_of;
        let described = fields(&schema["$defs"]["tag"]["properties"]);
        assert_eq!(fields(&serde_json::to_value(tagged).unwrap()), described);
        assert_eq!(schema["properties"]["tags"]["items"]["$ref"], "#/$defs/tag");
        let described = fields(&schema["$defs"]["attachedTag"]["properties"]);
        let (held, before) = (digest.clone(), digest.clone());
        let mut written = std::collections::BTreeSet::new();
        for outcome in [AttachedOutcome::Kept { held }, AttachedOutcome::Moved { before }] {
            let attached = AttachedTagged { reference: "r.example/app:sha256-00.sig", digest, outcome: &outcome };
            written.extend(fields(&serde_json::to_value(attached).unwrap()));
        }
        assert_eq!(written, described.into_iter().collect());
        assert_eq!(schema["properties"]["attachedTags"]["items"]["$ref"], "#/$defs/attachedTag");
        let left_behind = LeftBehind { reference: "e.x/shop:1".to_owned(), count: 2 };
        let described = fields(&schema["$defs"]["leftBehind"]["properties"]);
        assert_eq!(fields(&serde_json::to_value(left_behind).unwrap()), described);
        assert_eq!(schema["properties"]["leftBehind"]["items"]["$ref"], "#/$defs/leftBehind");
    }

    #[test]
    fn a_tag_that_was_left_is_moved_only_where_that_can_be() {
        let [one, other] = [&b"one"[..], b"other"].map(Digest::sha256);
        let tag = |digest: &Digest, outcome| AttachedTag {
            reference: "r.example/app:sha256-00.sig".to_owned(),
            digest: digest.clone(),
            outcome,
        };
        let kept = tag(&one, AttachedOutcome::Kept { held: other.clone() });
        let said = |all: &[AttachedTag], of| attached_line(&kept, all, of);
        assert!(
            said(std::slice::from_ref(&kept), TagsOf::Place)
                .contains("--replace-tag r.example/app:sha256-00.sig moves it")
        );
        for said in [
            said(std::slice::from_ref(&kept), TagsOf::NewPlace),
            // Two contents for one tag came in one archive: the first has it, whatever is asked for.
            said(&[kept.clone(), tag(&other, AttachedOutcome::New)], TagsOf::Place),
        ] {
            assert!(said.contains("which came with it") && !said.contains("--replace-tag"), "{said}");
        }
    }

    #[test]
    fn a_tag_is_new_or_moved_or_as_it_was() {
        let [one, other] = [&b"one"[..], b"other"].map(Digest::sha256);
        let line = |before: Option<&Digest>| {
            let (reference, form) = ("r.example/app:1".to_owned(), DeliveredForm::AsCarried);
            let (digest, carried, before) = (one.clone(), one.clone(), before.cloned());
            super::line(&SetTag { reference, digest, carried, form, before, without: Vec::new(), parts: Vec::new() })
        };
        let attached = |outcome| {
            let tag = AttachedTag { reference: "r.example/app:1".to_owned(), digest: one.clone(), outcome };
            attached_line(&tag, std::slice::from_ref(&tag), TagsOf::Place)
        };
        assert_eq!(attached(AttachedOutcome::New), line(None));
        assert_eq!(attached(AttachedOutcome::AsItWas), line(Some(&one)));
        assert_eq!(attached(AttachedOutcome::Moved { before: other.clone() }), line(Some(&other)));
        assert_eq!(line(None), format!("  r.example/app:1  {one} (new)"));
        assert_eq!(line(Some(&one)), format!("  r.example/app:1  {one} (as it was)"));
        assert_eq!(line(Some(&other)), format!("  r.example/app:1  {one} (moved from {other})"));
    }
}
