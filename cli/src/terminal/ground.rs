//! The ground of a verdict, in one line: who packed an archive, who vouches for what is in it, and for what nobody does.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use sealift_core::report::{ItemReport, Report};
use sealift_core::trust::Finding;
use sealift_proof::level::Level;

use crate::terminal::text::Line;

const GOOD: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();

/// How many names that nobody vouches for are in the line; the warnings name all.
const MAXIMUM_NAMES: usize = 8;

/// What a verdict rests on.
pub(crate) struct Ground {
    opening: &'static str,
    sealed_by: Vec<String>,
    /// The items, each followed by its parts.
    all: Vec<Grounded>,
    contradicted: Option<usize>,
}

/// An item or a part of one, and who vouches for it.
struct Grounded {
    name: String,
    level: Level,
    is_part: bool,
    vouching: Vec<String>,
}

impl Ground {
    /// That of a verified archive.
    pub(crate) fn of_report(report: &Report) -> Self {
        let of = |it: &ItemReport, is_part| Grounded {
            name: it.name.clone(),
            level: it.level,
            is_part,
            vouching: it.vouched_for_by.iter().map(ToString::to_string).collect(),
        };
        let all = report.items.iter().flat_map(|item| item.walk().enumerate().map(|(at, it)| of(it, at > 0)));
        Self {
            opening: if report.audit.is_some() { "Audited" } else { "Accepted" },
            sealed_by: report.archive.sealed_by.clone(),
            all: all.collect(),
            contradicted: report.audit.as_ref().map(|audit| audit.findings.len()),
        }
    }

    /// That of an archive that was packed here.
    pub(crate) fn of_export<'f>(sealed_by: Vec<String>, findings: impl IntoIterator<Item = &'f Finding>) -> Self {
        let of = |it: &Finding, is_part| Grounded {
            name: it.item.reference.clone(),
            level: it.level(),
            is_part,
            vouching: it.makers().iter().map(ToString::to_string).collect(),
        };
        let all = findings.into_iter().flat_map(|item| item.walk().enumerate().map(|(at, it)| of(it, at > 0)));
        Self { opening: "Exported", sealed_by, all: all.collect(), contradicted: None }
    }

    /// The line.
    pub(crate) fn line(&self) -> Line {
        let packers = and(&self.sealed_by);
        // Parts that are vouched for as their items are need no number of their own.
        let are_alike = self.all.iter().all(|it| Some(&it.vouching) == self.all.first().map(|first| &first.vouching));
        let counted = self.all.iter().filter(|it| !(are_alike && it.is_part));
        let all = counted.clone().count();
        let mut vouched: BTreeMap<&[String], usize> = BTreeMap::new();
        for it in counted.filter(|it| !it.vouching.is_empty()) {
            *vouched.entry(&it.vouching).or_default() += 1;
        }
        let opening = Line::default().styled(GOOD, self.opening).then(": ");
        let line = match vouched.iter().next() {
            None => opening.then(format_args!("sealed by {packers}; ")).join(&self.unvouched("nobody vouches for ")),
            Some(_) if vouched.values().sum::<usize>() == all => {
                let of = |count: usize| match (count == all, all) {
                    (true, 1) => "it".to_owned(),
                    (true, _) => format!("all {all}"),
                    (false, _) => count.to_string(),
                };
                let makers = vouched.iter().map(|(makers, count)| {
                    let verb = if makers.len() == 1 { "vouches" } else { "vouch" };
                    format!("{} {verb} for {}", and(makers), of(*count))
                });
                let makers = makers.collect::<Vec<_>>().join(", ");
                opening.then(format_args!(
                    "this is what its makers released ({makers}), at {}; sealed by {packers}",
                    self.levels()
                ))
            }
            Some(_) => {
                let line = opening.then(format_args!("sealed by {packers}"));
                let vouched = vouched.iter().fold(line, |line, (makers, count)| {
                    line.then(format_args!("; {count} of {all} vouched for by {}", and(makers)))
                });
                let count = self.by_nobody().count();
                vouched.then("; ").join(&self.unvouched(&format!("{count} by nobody: ")))
            }
        };
        match self.contradicted {
            None => line.then("."),
            Some(0) => line.then("; nothing contradicts what was accepted here."),
            Some(count) => {
                // In each repository, verification stops at the first finding, so there might be more.
                let findings = if count == 1 { "finding" } else { "findings" };
                let findings = format!("at least {count} {findings}");
                line.then("; ").styled(WARN, format_args!("older than what was accepted here: {findings}")).then(".")
            }
        }
    }

    /// What nobody vouches for.
    fn by_nobody(&self) -> impl Iterator<Item = &Grounded> + Clone {
        self.all.iter().filter(|it| it.vouching.is_empty())
    }

    /// The levels that items reach together with their parts, each once.
    fn levels(&self) -> String {
        let items = self.all.iter().filter(|it| !it.is_part);
        let mut levels: Vec<String> = items.map(|item| item.level.to_string()).collect();
        levels.sort();
        levels.dedup();
        if levels.len() == 1 { format!("level {}", and(&levels)) } else { format!("levels {}", and(&levels)) }
    }

    /// What nobody vouches for, with the level that it reaches all the same.
    fn unvouched(&self, opening: &str) -> Line {
        let unvouched = self.by_nobody();
        let names: Vec<_> =
            unvouched.clone().take(MAXIMUM_NAMES).map(|it| format!("{} (level {})", it.name, it.level)).collect();
        let others = match unvouched.count().saturating_sub(MAXIMUM_NAMES) {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Line::default().styled(WARN, format_args!("{opening}{}{others}", names.join(", ")))
    }
}

/// Names, as in a sentence.
fn and(names: &[String]) -> String {
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that begin with a dash are parts of what stands before them.
    fn line(items: &[(&str, &[&str])], contradicted: Option<usize>) -> String {
        let items = items.iter().map(|(name, vouching)| Grounded {
            name: name.trim_start_matches('-').to_owned(),
            is_part: name.starts_with('-'),
            level: if vouching.is_empty() { Level::Zero } else { Level::Two },
            vouching: vouching.iter().map(ToString::to_string).collect(),
        });
        let sealed_by = vec!["me".to_owned()];
        let ground = Ground { opening: "Accepted", sealed_by, all: items.collect(), contradicted };
        anstream::adapter::strip_str(ground.line().as_str()).to_string()
    }

    #[test]
    fn the_makers_are_named_where_they_vouch_for_everything() {
        let one = "Accepted: this is what its makers released (acme vouches for it), at level 2; sealed by me.";
        assert_eq!(line(&[("e.example/a:1", &["acme"])], None), one);
        let two = line(&[("e.example/a:1", &["acme"]), ("e.example/b:1", &["acme"])], None);
        assert!(two.contains("(acme vouches for all 2)"), "{two}");
    }

    #[test]
    fn what_nobody_vouches_for_is_named_in_the_same_place() {
        let some = line(&[("e.example/a:1", &["acme"]), ("e.example/b:1", &[])], None);
        assert_eq!(some, "Accepted: sealed by me; 1 of 2 vouched for by acme; 1 by nobody: e.example/b:1 (level 0).");
        let none = line(&[("e.example/b:1", &[])], None);
        assert_eq!(none, "Accepted: sealed by me; nobody vouches for e.example/b:1 (level 0).");
        let both = line(&[("a", &["acme"]), ("b", &["acme", "beta"])], None);
        assert!(
            both.contains("makers released (acme vouches for 1, acme and beta vouch for 1), at level 2;"),
            "{both}"
        );
    }

    #[test]
    fn a_part_that_nobody_vouches_for_is_named_like_an_item() {
        let one = line(&[("shop:1", &["acme"]), ("-inst:1", &["acme"]), ("-web:1", &[])], None);
        assert_eq!(one, "Accepted: sealed by me; 2 of 3 vouched for by acme; 1 by nobody: web:1 (level 0).");
        let part = line(&[("shop:1", &[]), ("-web:1", &["acme"])], None);
        assert_eq!(part, "Accepted: sealed by me; 1 of 2 vouched for by acme; 1 by nobody: shop:1 (level 0).");
        let none = line(&[("shop:1", &[]), ("-web:1", &[])], None);
        assert_eq!(none, "Accepted: sealed by me; nobody vouches for shop:1 (level 0), web:1 (level 0).");
        let alike = line(&[("shop:1", &["acme"]), ("-web:1", &["acme"])], None);
        assert!(alike.contains("(acme vouches for it)"), "{alike}");
        let others = line(&[("shop:1", &["acme"]), ("-web:1", &["beta"])], None);
        assert!(others.contains("(acme vouches for 1, beta vouches for 1)"), "{others}");
    }

    #[test]
    fn the_names_in_the_line_are_limited() {
        let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
        let items: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let line = line(&items, None);
        assert!(line.ends_with("n7 (level 0) and 12 more."), "{line}");
    }

    #[test]
    fn an_audit_says_whether_an_import_would_refuse_it() {
        assert!(line(&[("a", &["acme"])], Some(0)).ends_with("; nothing contradicts what was accepted here."));
        assert!(
            line(&[("a", &["acme"])], Some(2)).ends_with("; older than what was accepted here: at least 2 findings.")
        );
    }
}
