//! Reading TOML value by value, so that every error knows its line and its key.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{MAXIMUM_ENTRIES, ShipmentFileError, WrittenAt, WrittenText};
use crate::nearness::nearest_first;

/// The key in a table of places that stands for all that are needed.
const ALL: &str = "*";
/// How many characters of a line are shown.
const SHOWN: usize = 100;

/// Which line a byte is in.
struct LineEnds(Vec<usize>);

impl LineEnds {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, counted from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}

/// A text that is TOML.
pub(super) struct TomlReader<'t> {
    text: &'t str,
    lines: LineEnds,
}

/// The value of a key.
pub(super) struct TomlValue<'t, 'r> {
    key: String,
    line: usize,
    value: Spanned<DeValue<'t>>,
    lines: &'r LineEnds,
}

impl<'t> TomlReader<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, lines: LineEnds::of(text) }
    }

    /// Every key of the document, in the order of the lines.
    pub(super) fn document(&self) -> Result<Vec<TomlValue<'t, '_>>, ShipmentFileError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let line = error.span().map_or(1, |span| self.lines.at(span.start));
            let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
            let text = text.chars().take(SHOWN).collect();
            ShipmentFileError::NotToml { line, text, reason: error.message().to_owned() }
        })?;
        Ok(key_values(table.into_inner(), &self.lines))
    }
}

fn key_values<'t, 'r>(table: DeTable<'t>, lines: &'r LineEnds) -> Vec<TomlValue<'t, 'r>> {
    let values = table.into_iter().map(|(key, value)| {
        let line = lines.at(key.span().start);
        TomlValue { key: key.into_inner().into_owned(), line, value, lines }
    });
    let mut values: Vec<_> = values.collect();
    values.sort_by_key(|value| value.line);
    values
}

impl TomlValue<'_, '_> {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    fn at(&self, line: usize) -> WrittenAt {
        WrittenAt { line, key: Some(self.key.clone()) }
    }

    fn is_not(&self, expected: &'static str) -> ShipmentFileError {
        ShipmentFileError::OtherKind { at: self.at(self.line), expected }
    }

    /// The error for a key that is none of these.
    pub(super) fn unknown(&self, of: &'static str, known: &[&'static str]) -> ShipmentFileError {
        let names = known.iter().map(ToString::to_string).collect();
        let nearest = nearest_first(&self.key, names).into_iter().next().unwrap_or_default();
        let nearest = known.iter().find(|known| **known == nearest).copied().unwrap_or_default();
        ShipmentFileError::UnknownKey { line: self.line, key: self.key.chars().take(SHOWN).collect(), of, nearest }
    }

    pub(super) fn truth(&self) -> Result<bool, ShipmentFileError> {
        match self.value.get_ref() {
            DeValue::Boolean(truth) => Ok(*truth),
            _ => Err(self.is_not("true or false")),
        }
    }

    pub(super) fn text(&self) -> Result<WrittenText, ShipmentFileError> {
        match self.value.get_ref() {
            DeValue::String(text) => WrittenText::new(text, self.at(self.line)),
            _ => Err(self.is_not("a text in quotation marks")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<WrittenText>, ShipmentFileError> {
        const EXPECTED: &str = "a list of texts: [\"ONE\", \"ANOTHER\"]";
        let DeValue::Array(values) = self.value.get_ref() else { return Err(self.is_not(EXPECTED)) };
        let mut list = TextList::default();
        for value in values {
            let at = self.at(self.lines.at(value.span().start));
            match value.get_ref() {
                DeValue::String(text) => list.add(WrittenText::new(text, at)?)?,
                _ => return Err(ShipmentFileError::OtherKind { at, expected: EXPECTED }),
            }
        }
        Ok(list.into_texts())
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Result<usize, ShipmentFileError> {
        let number = match self.value.get_ref() {
            DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.is_not("a number"))
    }

    /// The values of a table, each with the key of its table before its own.
    pub(super) fn table(self, expected: &'static str) -> Result<Vec<Self>, ShipmentFileError> {
        let (refused, lines) = (self.is_not(expected), self.lines);
        match self.value.into_inner() {
            DeValue::Table(table) => Ok(key_values(table, lines)),
            _ => Err(refused),
        }
    }

    /// A table, or a list of tables, each as the value of this key.
    pub(super) fn tables(self, expected: &'static str) -> Result<Vec<Self>, ShipmentFileError> {
        let refused = self.is_not(expected);
        let Self { key, line, value, lines } = self;
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(values) => {
                let of = |value: Spanned<_>| {
                    let line = lines.at(value.span().start);
                    Self { key: key.clone(), line, value, lines }
                };
                Ok(values.into_iter().map(of).collect())
            }
            table @ DeValue::Table(_) => Ok(vec![Self { key, line, value: Spanned::new(span, table), lines }]),
            _ => Err(refused),
        }
    }

    /// Kinds of referrers: a list of them, or a word for all or none.
    pub(super) fn kinds(&self) -> Result<WrittenText, ShipmentFileError> {
        if let DeValue::String(_) = self.value.get_ref() {
            return self.text();
        }
        let kinds: Vec<_> = self.texts()?.into_iter().map(|kind| kind.text().to_owned()).collect();
        let text = if kinds.is_empty() { "none".to_owned() } else { kinds.join(",") };
        WrittenText::new(&text, self.at(self.line))
    }

    /// A table from names to locations, each as `NAME=LOCATION`.
    pub(super) fn places(self) -> Result<Vec<WrittenText>, ShipmentFileError> {
        const EXPECTED: &str = "a table of locations: NAME = \"LOCATION\"";
        let (key, line) = (self.key, self.line);
        let DeValue::Table(table) = self.value.into_inner() else {
            return Err(ShipmentFileError::OtherKind { at: WrittenAt { line, key: Some(key) }, expected: EXPECTED });
        };
        let mut list = TextList::default();
        for value in key_values(table, self.lines) {
            let at = WrittenAt { line: value.line, key: Some(format!("{key}.{}", value.key)) };
            let DeValue::String(location) = value.value.get_ref() else {
                return Err(ShipmentFileError::OtherKind { at, expected: EXPECTED });
            };
            let written =
                if value.key == ALL { location.clone().into_owned() } else { format!("{}={location}", value.key) };
            list.add(WrittenText::new(&written, at)?)?;
        }
        Ok(list.into_texts())
    }
}

/// Texts, each of them once.
#[derive(Default)]
pub(super) struct TextList {
    texts: Vec<WrittenText>,
    first: HashMap<String, usize>,
}

impl TextList {
    pub(super) fn add(&mut self, text: WrittenText) -> Result<(), ShipmentFileError> {
        if self.texts.len() >= MAXIMUM_ENTRIES {
            return Err(ShipmentFileError::TooManyEntries { at: text.at().clone() });
        }
        if let Some(first) = self.first.insert(text.text().to_owned(), text.at().line) {
            let at = text.at().clone();
            return Err(ShipmentFileError::ListedTwice { at, text: text.text().to_owned(), first });
        }
        self.texts.push(text);
        Ok(())
    }

    pub(super) fn into_texts(self) -> Vec<WrittenText> {
        self.texts
    }
}
