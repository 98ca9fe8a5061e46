//! The structures of `bundle.json` (CNAB Core 1.2 §101, and the JSON schema of the specification).
//!
//! Promise: a member of one of these structures has one name. Go's decoder, which runtimes use, matches members without case, so one
//! that differs from a known member only in case is refused, in every structure. The names in maps, and everything in `custom` and
//! in JSON Schemas, are the author's data: no reader folds them, and neither is anything refused for them here.

use std::fmt;

use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a value should be. `null` counts as no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Anything: it is data, or what it should be is judged elsewhere.
    Any,
    Text,
    Flag,
    ListOfTexts,
    /// An object whose names are data.
    Map(&'static Self),
    /// A list of objects with known members.
    ListOf(&'static [Member]),
    /// An object with known members.
    Object(&'static [Member]),
}

impl Form {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::Map(_) | Self::Object(_) => "an object",
            Self::ListOfTexts => "a list of texts",
            Self::ListOf(_) => "a list of objects",
        }
    }
}

/// A member of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) is_required: bool,
}

const fn optional(name: &'static str, form: Form) -> Member {
    Member { name, form, is_required: false }
}

const fn required(name: &'static str, form: Form) -> Member {
    Member { name, form, is_required: true }
}

/// An image. What is wrong with a required member of it, with `imageType` or with `contentDigest` is refused before; `size` and
/// `mediaType` are compared with its manifest.
const IMAGE: [Member; 7] = [
    optional("contentDigest", Form::Any),
    optional("description", Form::Text),
    optional("image", Form::Any),
    optional("imageType", Form::Any),
    optional("labels", Form::Map(&Form::Text)),
    optional("mediaType", Form::Any),
    optional("size", Form::Any),
];
const ACTION: [Member; 4] = [
    optional("description", Form::Text),
    optional("modifies", Form::Flag),
    optional("stateless", Form::Flag),
    optional("title", Form::Text),
];
const CREDENTIAL: [Member; 5] = [
    optional("applyTo", Form::ListOfTexts),
    optional("description", Form::Text),
    optional("env", Form::Text),
    optional("path", Form::Text),
    optional("required", Form::Flag),
];
const DESTINATION: [Member; 2] = [optional("env", Form::Text), optional("path", Form::Text)];
const MAINTAINER: [Member; 3] =
    [optional("email", Form::Text), required("name", Form::Text), optional("url", Form::Text)];
const OUTPUT: [Member; 4] = [
    optional("applyTo", Form::ListOfTexts),
    required("definition", Form::Text),
    optional("description", Form::Text),
    required("path", Form::Text),
];
const PARAMETER: [Member; 5] = [
    optional("applyTo", Form::ListOfTexts),
    required("definition", Form::Text),
    optional("description", Form::Text),
    required("destination", Form::Object(&DESTINATION)),
    optional("required", Form::Flag),
];
/// The members that `bundle.json` may have. Those that it must have, it has, or it is refused.
pub(super) const BUNDLE: [Member; 16] = [
    optional("actions", Form::Map(&Form::Object(&ACTION))),
    optional("credentials", Form::Map(&Form::Object(&CREDENTIAL))),
    optional("custom", Form::Map(&Form::Any)),
    optional("definitions", Form::Map(&Form::Any)),
    optional("description", Form::Text),
    optional("images", Form::Map(&Form::Object(&IMAGE))),
    optional("invocationImages", Form::ListOf(&IMAGE)),
    optional("keywords", Form::ListOfTexts),
    optional("license", Form::Text),
    optional("maintainers", Form::ListOf(&MAINTAINER)),
    optional("name", Form::Text),
    optional("outputs", Form::Map(&Form::Object(&OUTPUT))),
    optional("parameters", Form::Map(&Form::Object(&PARAMETER))),
    optional("requiredExtensions", Form::ListOfTexts),
    optional("schemaVersion", Form::Text),
    optional("version", Form::Text),
];

/// Where in `bundle.json` something is: the names that lead there.
pub(super) type MemberPath<'p> = [&'p str];

/// Told what is found in `bundle.json`, in its order.
pub(super) trait Observer {
    /// A value is there, and is not `null`: that of a member, or of a name in a map. It may not be what it should be.
    fn value(&mut self, _path: &MemberPath<'_>, _is_expected: bool) {}

    /// A text is there: such a value, or an item of a list of texts.
    fn text(&mut self, _path: &MemberPath<'_>, _text: &str) {}

    /// A structure has a member that the specification does not know.
    fn unknown(&mut self, _path: &MemberPath<'_>) {}

    /// A value is not what it should be.
    fn malformed(&mut self, _path: &MemberPath<'_>, _expected: Form) {}

    /// A structure lacks a member that it must have.
    fn missing(&mut self, _path: &MemberPath<'_>, _member: &'static str) {}
}

/// Nobody is told.
impl Observer for () {}

/// Requires that the document is strict JSON, and that no member of a structure differs from a known one only in case.
///
/// # Errors
/// [`JsonError`]
pub(super) fn require_one_reading(bundle_json: &[u8]) -> Result<(), JsonError> {
    strict_json::read::<ObservedBundle<()>>(bundle_json, Names::Exact).map(drop)
}

/// Tells what is in a document that has one reading.
pub(super) fn observe<O: Observer + Default>(bundle_json: &[u8]) -> O {
    // It has been read before, so there is no error.
    strict_json::read_again::<ObservedBundle<O>>(bundle_json, Names::Exact)
        .map(|ObservedBundle(observer)| observer)
        .unwrap_or_default()
}

struct ObservedBundle<O>(O);

impl<'de, O: Observer + Default> Deserialize<'de> for ObservedBundle<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut observer = O::default();
        StructureWalk { form: Form::Object(&BUNDLE), path: &[], observer: &mut observer }.deserialize(deserializer)?;
        Ok(Self(observer))
    }
}

/// Walks through a value. Says whether it is what it should be.
struct StructureWalk<'w, O> {
    form: Form,
    path: &'w MemberPath<'w>,
    observer: &'w mut O,
}

impl<O: Observer> StructureWalk<'_, O> {
    /// Walks through the value of a name, and tells if it is not what it should be.
    fn of_name<'de, A: MapAccess<'de>>(&mut self, access: &mut A, name: &str, form: Form) -> Result<(), A::Error> {
        let path: Vec<&str> = self.path.iter().copied().chain([name]).collect();
        match access.next_value_seed(StructureWalk { form, path: &path, observer: self.observer })? {
            FoundForm::Null => {}
            FoundForm::Expected => self.observer.value(&path, true),
            FoundForm::Other => {
                self.observer.value(&path, false);
                self.observer.malformed(&path, form);
            }
        }
        Ok(())
    }

    fn is(&self, expected: impl FnOnce(Form) -> bool) -> FoundForm {
        if self.form == Form::Any || expected(self.form) { FoundForm::Expected } else { FoundForm::Other }
    }
}

/// What was found.
#[derive(PartialEq, Eq)]
enum FoundForm {
    Null,
    Expected,
    Other,
}

impl<'de, O: Observer> DeserializeSeed<'de> for StructureWalk<'_, O> {
    type Value = FoundForm;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FoundForm, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, O: Observer> Visitor<'de> for StructureWalk<'_, O> {
    type Value = FoundForm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form.words())
    }

    fn visit_unit<E>(self) -> Result<FoundForm, E> {
        Ok(FoundForm::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<FoundForm, E> {
        Ok(self.is(|form| form == Form::Flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<FoundForm, E> {
        Ok(self.is(|_| false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<FoundForm, E> {
        Ok(self.is(|_| false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<FoundForm, E> {
        Ok(self.is(|_| false))
    }

    fn visit_str<E>(self, text: &str) -> Result<FoundForm, E> {
        // A text in the place of a list of texts counts as its only item.
        if matches!(self.form, Form::Text | Form::ListOfTexts) {
            self.observer.text(self.path, text);
        }
        Ok(self.is(|form| form == Form::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<FoundForm, A::Error> {
        let form = match self.form {
            Form::ListOfTexts => Form::Text,
            Form::ListOf(members) => Form::Object(members),
            _ => Form::Any,
        };
        let mut are_expected = true;
        while let Some(found) =
            access.next_element_seed(StructureWalk { form, path: self.path, observer: &mut *self.observer })?
        {
            are_expected &= found == FoundForm::Expected;
        }
        Ok(self.is(|form| matches!(form, Form::ListOfTexts | Form::ListOf(_)) && are_expected))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<FoundForm, A::Error> {
        let members = match self.form {
            Form::Object(members) => members,
            Form::Map(form) => {
                while let Some(name) = access.next_key::<String>()? {
                    self.of_name(&mut access, &name, *form)?;
                }
                return Ok(FoundForm::Expected);
            }
            _ => {
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(self.is(|_| false));
            }
        };
        let mut lacking: Vec<&'static str> =
            members.iter().filter(|member| member.is_required).map(|member| member.name).collect();
        while let Some(name) = access.next_key::<String>()? {
            if let Some(Member { name, form, .. }) = members.iter().find(|member| member.name == name) {
                lacking.retain(|lacking| lacking != name);
                self.of_name(&mut access, name, *form)?;
                continue;
            }
            access.next_value::<IgnoredAny>()?;
            if let Some(known) = strict_json::taken_for(&name, members.iter().map(|member| member.name)) {
                return Err(A::Error::custom(strict_json::TakenFor { name, known }));
            }
            let path: Vec<&str> = self.path.iter().copied().chain([name.as_str()]).collect();
            self.observer.unknown(&path);
        }
        for member in lacking {
            self.observer.missing(self.path, member);
        }
        Ok(FoundForm::Expected)
    }
}
