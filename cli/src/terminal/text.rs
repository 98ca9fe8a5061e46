//! Text for people: lines in which only our own styles act on a terminal.
//!
//! Promise: a [`Text`] has the line breaks that were asked for with [`Text::line`], and the escape sequences of our own
//! styles, and no other character that a terminal acts on or that hides or reorders its neighbours, whatever went into
//! it. [`terminal`](crate::terminal) takes nothing else, so a text from outside cannot get around this: it is escaped where
//! it enters a line, and styles are put around it afterwards. User names and passwords in locations are hidden in the same place, and in JSON.

use std::fmt::{self, Display, Write as _};

use anstyle::Style;
use sealift_core::user_info::hidden;

/// Whether a character acts instead of being shown: a terminal obeys it, or it is invisible, or it changes how its
/// neighbours appear.
///
/// These are the controls (general category Cc: C0, DEL, C1), the separators of lines and paragraphs, and the format
/// characters (Cf) that have no shape of their own: those of bidirectional text, of zero width, and tags. Marks of
/// Arabic and other scripts that are Cf but have a shape count as letters.
pub(crate) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes text with each character that acts written as its number, `\u{1b}`.
///
/// A backslash stays a backslash. What is shown is for people and never read back (`--json` is exact). Most errors
/// quote what they name, so their backslashes would be doubled, and again by each program that shows them.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if acts(character) {
                write!(self.0, "{}", character.escape_unicode())?;
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// A text with each character that acts written as its number, for another program that puts it into a line.
pub(crate) fn escaped(text: impl Display) -> String {
    let mut escaped = String::new();
    let _ = write!(Escaping(&mut escaped), "{text}");
    escaped
}

/// A line: pieces of text, each with a style of ours or without one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(String);

impl Line {
    /// Adds text as it is, with acting characters escaped, and without user names and passwords.
    pub(crate) fn then(mut self, text: impl Display) -> Self {
        // Writing to a string cannot fail; a `Display` that fails has shown what it could.
        let mut plain = String::new();
        let _ = write!(plain, "{text}");
        let _ = Escaping(&mut self.0).write_str(&hidden(&plain));
        self
    }

    /// Adds text in a style.
    pub(crate) fn styled(mut self, style: Style, text: impl Display) -> Self {
        let _ = write!(self.0, "{style}");
        self = self.then(text);
        let _ = write!(self.0, "{style:#}");
        self
    }

    /// Adds the pieces of another line.
    pub(crate) fn join(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// The line, with the escape sequences of its styles.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Display> From<T> for Line {
    fn from(text: T) -> Self {
        Self::default().then(text)
    }
}

/// Lines, one below the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(Vec<Line>);

impl Text {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: impl Into<Line>) {
        self.0.push(line.into());
    }

    /// Adds the lines of a text whose line breaks are ours: something that is written here, or that this program encoded.
    pub(crate) fn block(&mut self, ours: &str) {
        self.0.extend(ours.lines().map(Line::from));
    }

    /// Adds the lines of another text.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }
}

impl<T: Into<Line>> From<T> for Text {
    fn from(line: T) -> Self {
        Self(vec![line.into()])
    }
}

/// A value as JSON over several lines, in which acting characters are written as JSON escapes, `\u001b`: the same value
/// for every reader. User names and passwords in locations are left out of it.
///
/// # Errors
/// When the value cannot be JSON.
#[allow(clippy::disallowed_methods)]
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|json| escaped_json(&json))
}

/// The same on one line.
pub(crate) fn json_line(value: &serde_json::Value) -> String {
    escaped_json(&value.to_string())
}

/// JSON itself asks for escapes below U+0020 only. Everything outside strings is ASCII, and its line breaks are ours.
fn escaped_json(plain: &str) -> String {
    let mut json = String::with_capacity(plain.len());
    for character in hidden(plain).chars() {
        if character != '\n' && acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(json, "\\u{unit:04x}");
            }
        } else {
            json.push(character);
        }
    }
    json
}

/// How many of something there are: `1 layer`, `2 layers`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use anstyle::AnsiColor;

    use super::*;

    /// One of each kind, and how it is shown.
    const ACTING: [(char, &str); 20] = [
        ('\0', "\\u{0}"),
        ('\u{8}', "\\u{8}"),
        ('\t', "\\u{9}"),
        ('\n', "\\u{a}"),
        ('\r', "\\u{d}"),
        ('\u{1b}', "\\u{1b}"),
        ('\u{7f}', "\\u{7f}"),
        ('\u{85}', "\\u{85}"),
        ('\u{9b}', "\\u{9b}"),
        ('\u{ad}', "\\u{ad}"),
        ('\u{61c}', "\\u{61c}"),
        ('\u{200b}', "\\u{200b}"),
        ('\u{200d}', "\\u{200d}"),
        ('\u{200f}', "\\u{200f}"),
        ('\u{2028}', "\\u{2028}"),
        ('\u{202e}', "\\u{202e}"),
        ('\u{2060}', "\\u{2060}"),
        ('\u{2066}', "\\u{2066}"),
        ('\u{feff}', "\\u{feff}"),
        ('\u{e0041}', "\\u{e0041}"),
    ];

    #[test]
    fn no_line_and_no_json_repeats_a_password() {
        let location = "cannot read docker://user:s3cret@r.example/a:1@sha256:12";
        let shown = "cannot read docker://***@r.example/a:1@sha256:12";
        assert_eq!(Line::default().styled(Style::new(), location).as_str(), shown);
        let value = serde_json::json!({ "causes": [location] });
        for json in [json(&value).unwrap(), json_line(&value)] {
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&json).unwrap(),
                serde_json::json!({ "causes": [shown] })
            );
        }
    }

    #[test]
    fn what_acts_is_shown_as_its_number() {
        for (character, shown) in ACTING {
            assert_eq!(Line::from(format!("a{character}b")).as_str(), format!("a{shown}b"));
            assert_eq!(Line::default().then(character).as_str(), shown);
        }
    }

    #[test]
    fn what_does_not_act_stays() {
        for text in ["a b", "é ü 日本 العربية 🚢", "C:\\x\\u{1b}", "\u{600}1", "→ …"] {
            assert_eq!(Line::from(text).as_str(), text);
        }
    }

    #[test]
    fn styles_are_ours_and_what_they_are_around_is_escaped() {
        let line = Line::default().styled(AnsiColor::Red.on_default(), "a\u{1b}[0m").then("\n");
        assert_eq!(line.as_str(), "\u{1b}[31ma\\u{1b}[0m\u{1b}[0m\\u{a}");
    }

    #[test]
    fn a_text_has_the_lines_that_were_asked_for() {
        let mut text = Text::from("one\ntwo");
        text.block("three\nfour\n");
        let lines: Vec<_> = text.lines().map(Line::as_str).collect();
        assert_eq!(lines, ["one\\u{a}two", "three", "four"]);
    }

    #[test]
    fn json_says_the_same_without_what_acts() {
        for (character, _) in ACTING {
            let value = serde_json::json!({ format!("k{character}"): [format!("v{character}")] });
            for json in [json(&value).unwrap(), json_line(&value)] {
                assert!(!json.chars().any(|found| found != '\n' && acts(found)), "{character:?}");
                assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
            }
        }
    }
}
