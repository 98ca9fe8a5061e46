//! A few short texts, held as one: a role among many has some key ids and some prefixes, and each text would take an allocation.

/// Texts, in the order in which they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    /// One after another.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[usize]>,
}

impl Texts {
    /// These texts.
    pub(crate) fn of<T: AsRef<str>>(texts: &[T]) -> Self {
        let length = texts.iter().map(|one| one.as_ref().len()).sum();
        let (mut text, mut ends) = (String::with_capacity(length), Vec::with_capacity(texts.len()));
        for one in texts {
            text.push_str(one.as_ref());
            ends.push(text.len());
        }
        Self { text: text.into(), ends: ends.into() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).filter_map(|(begin, end)| self.text.get(*begin..*end))
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_that_were_written_and_no_others() {
        for texts in [&[][..], &[""], &["a"], &["", "ab", "", "\u{e9}c", "ab", ""]] {
            let held = Texts::of(texts);
            assert_eq!((Vec::from_iter(held.iter()), held.len()), (texts.to_vec(), texts.len()));
        }
    }
}
