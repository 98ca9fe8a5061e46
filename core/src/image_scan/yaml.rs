//! The values of YAML documents, each with its line. An alias is the value that it stands for, held once.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{ImageScanError, MAXIMUM_DEPTH, MAXIMUM_VALUES};

/// A value, and the line that it begins in.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
    /// How many values are one in another, this one included.
    height: usize,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar(String),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub(super) fn items(&self) -> &[Rc<Self>] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) | Value::Mapping(_) => &[],
        }
    }

    /// The members of a mapping.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Rc<Self>)> {
        let members: &[_] = if let Value::Mapping(members) = &self.value { members } else { &[] };
        members.iter().map(|(name, value)| (name.text().unwrap_or_default(), value))
    }

    /// A member of a mapping.
    pub(super) fn get(&self, name: &str) -> Option<&Rc<Self>> {
        self.members().find(|(member, _)| *member == name).map(|(_, value)| value)
    }
}

/// What a list or a mapping has so far.
struct OpenValue {
    line: usize,
    anchor: usize,
    is_mapping: bool,
    parts: Vec<Rc<Node>>,
}

/// Reads documents, event by event.
#[derive(Default)]
struct Reading {
    open: Vec<OpenValue>,
    anchored: HashMap<usize, Rc<Node>>,
    count: usize,
    whole: Option<Rc<Node>>,
}

impl Reading {
    fn begin(&mut self, line: usize, anchor: usize, is_mapping: bool) -> Result<(), ImageScanError> {
        if self.open.len() >= MAXIMUM_DEPTH {
            return Err(ImageScanError::TooDeep { line });
        }
        self.open.push(OpenValue { line, anchor, is_mapping, parts: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ImageScanError> {
        let Some(OpenValue { line, anchor, is_mapping, parts }) = self.open.pop() else { return Ok(()) };
        // Aliases make values nest deeper than they are written.
        let height = parts.iter().map(|part| part.height).max().unwrap_or_default() + 1;
        if height > MAXIMUM_DEPTH {
            return Err(ImageScanError::TooDeep { line });
        }
        let value = if is_mapping { self.mapping(parts)? } else { Value::Sequence(parts) };
        self.add(Rc::new(Node { line, value, height }), anchor)
    }

    /// A mapping of these names and values, with what it merges from others (`<<`).
    fn mapping(&mut self, parts: Vec<Rc<Node>>) -> Result<Value, ImageScanError> {
        let (mut members, mut merged) = (Vec::new(), Vec::new());
        let mut parts = parts.into_iter();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            if name.text() == Some("<<") { merged.push(value) } else { members.push((name, value)) }
        }
        let mut names: HashSet<String> =
            members.iter().filter_map(|(name, _)| name.text()).map(str::to_owned).collect();
        for source in merged.iter().flat_map(|it| std::iter::once(it).chain(it.items())) {
            let Value::Mapping(others) = &source.value else { continue };
            for (name, value) in others {
                self.charge()?;
                if name.text().is_some_and(|name| names.insert(name.to_owned())) {
                    members.push((Rc::clone(name), Rc::clone(value)));
                }
            }
        }
        Ok(Value::Mapping(members))
    }

    fn charge(&mut self) -> Result<(), ImageScanError> {
        self.count += 1;
        if self.count > MAXIMUM_VALUES { Err(ImageScanError::TooManyValues) } else { Ok(()) }
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), ImageScanError> {
        self.charge()?;
        // 0 is no anchor.
        if anchor > 0 {
            self.anchored.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.parts.push(node),
            None => self.whole = Some(node),
        }
        Ok(())
    }
}

/// The documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Rc<Node>>, ImageScanError> {
    let mut documents = Vec::new();
    let mut reading = Reading::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| refused(text, &error))?;
        let line = line_of(span);
        match event {
            Event::DocumentStart(_) => reading = Reading { count: reading.count, ..Reading::default() },
            Event::DocumentEnd => documents.extend(reading.whole.take()),
            Event::Scalar(scalar, style, anchor, _) => {
                // An empty plain scalar is nothing.
                let is_nothing = style == ScalarStyle::Plain && matches!(&*scalar, "" | "~" | "null");
                let text = if is_nothing { String::new() } else { scalar.into_owned() };
                reading.add(Rc::new(Node { line, value: Value::Scalar(text), height: 1 }), anchor)?;
            }
            Event::SequenceStart(anchor, _) => reading.begin(line, anchor, false)?,
            Event::MappingStart(anchor, _) => reading.begin(line, anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => reading.end()?,
            Event::Alias(anchor) => {
                let known = reading.anchored.get(&anchor).cloned();
                let unknown = || ImageScanError::NotYaml { line, reason: "an alias without its anchor".to_owned() };
                reading.add(known.ok_or_else(unknown)?, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
    Ok(documents)
}

fn line_of(span: Span) -> usize {
    span.start.line()
}

/// A text that is no YAML is most often a template.
fn refused(text: &str, error: &ScanError) -> ImageScanError {
    let line = error.marker().line();
    let written = (1..).zip(text.lines()).find(|(_, line)| line.contains("{{")).map(|(number, _)| number);
    match written {
        Some(line) => ImageScanError::Template { line },
        None => ImageScanError::NotYaml { line, reason: error.info().to_owned() },
    }
}
