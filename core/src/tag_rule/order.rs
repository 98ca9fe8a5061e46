//! The order of tags that are not versions.

/// A text in which numbers count by their value: `release-9` comes before `release-10`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Natural<'t>(Vec<Run<'t>>);

/// A run of digits or of other characters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run<'t> {
    Other(&'t str),
    /// A number without the zeros before it, and how many digits that are.
    Number(usize, &'t str),
}

impl<'t> Natural<'t> {
    pub(super) fn of(mut text: &'t str) -> Self {
        let mut runs = Vec::new();
        while let Some(first) = text.chars().next() {
            let is_number = first.is_ascii_digit();
            let end = text.find(|it: char| it.is_ascii_digit() != is_number).unwrap_or(text.len());
            let (run, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            let digits = run.trim_start_matches('0');
            runs.push(if is_number { Run::Number(digits.len(), digits) } else { Run::Other(run) });
            text = rest;
        }
        Self(runs)
    }
}
