//! Reads tables of TOML key by key, and goes on after an error: whoever writes a configuration
//! wants to hear of all mistakes at once.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a configuration: every mistake, not just the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One line each: `file:line: key: what is allowed`.
    pub mistakes: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// The mistakes found so far, with the place of each in the text.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<(usize, String)>);

impl Mistakes {
    pub(super) fn add(&mut self, at: &Range<usize>, what: impl fmt::Display) {
        self.0.push((at.start, what.to_string()));
    }

    /// The error, if there was a mistake, in the order of the text.
    pub(super) fn into_error(mut self, file: &str, text: &str) -> Result<(), ConfigError> {
        self.0.sort();
        let line = |at: usize| {
            let before = text.as_bytes().iter().take(at);
            1 + before.filter(|byte| **byte == b'\n').count()
        };
        let mistakes: Vec<_> = self
            .0
            .iter()
            .map(|(at, what)| format!("{file}:{}: {what}", line(*at)))
            .collect();
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { mistakes })
        }
    }
}

/// A value of the file with its place and the key that leads to it.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) path: String,
    value: &'a Spanned<DeValue<'a>>,
}

/// A table that is read key by key.
pub(super) struct Section<'a> {
    pub(super) path: String,
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(path: String, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        Self {
            path,
            span,
            table,
            known: Vec::new(),
        }
    }

    /// The value of a key, if there is one.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Item {
            path: joined(&self.path, key),
            value,
        })
    }

    /// The keys and values of a table whose keys are free.
    pub(super) fn free(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> {
        let path = self.path.clone();
        self.table.iter().map(move |(key, value)| {
            let item = Item {
                path: format!("{path}.{:?}", key.get_ref().as_ref()),
                value,
            };
            (key.get_ref().as_ref(), item)
        })
    }

    /// Every key that nobody asked for is a mistake.
    pub(super) fn finish(self, mistakes: &mut Mistakes) {
        for (key, _) in self.table {
            if !self.known.contains(&key.get_ref().as_ref()) {
                let path = joined(&self.path, key.get_ref());
                let known = self.known.join(", ");
                mistakes.add(
                    &key.span(),
                    format!("{path}: no such key; there are {known}"),
                );
            }
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

impl<'a> Item<'a> {
    /// Where it is in the text.
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Reports a mistake about it.
    pub(super) fn wrong(&self, mistakes: &mut Mistakes, what: impl fmt::Display) {
        mistakes.add(&self.span(), format!("{}: {what}", self.path));
    }

    fn expected<T>(&self, mistakes: &mut Mistakes, what: &str) -> Option<T> {
        let value = self.value.get_ref();
        let found = match value.as_integer() {
            Some(integer) => integer.to_string(),
            None => format!("this {}", value.type_str()),
        };
        self.wrong(mistakes, format!("expected {what}, not {found}"));
        None
    }

    /// A whole number in a range.
    pub(super) fn number(
        &self,
        range: RangeInclusive<u32>,
        mistakes: &mut Mistakes,
    ) -> Option<u32> {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.value.get_ref().as_integer().and_then(|integer| {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
            u32::try_from(number).ok()
        });
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.expected(mistakes, &what),
        }
    }

    /// Whether it is a number at all.
    pub(super) fn is_number(&self) -> bool {
        self.value.get_ref().is_integer()
    }

    /// Whether it is a string.
    pub(super) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// True or false.
    pub(super) fn boolean(&self, mistakes: &mut Mistakes) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        value.or_else(|| self.expected(mistakes, "true or false"))
    }

    /// A string; `what` says what it should hold.
    pub(super) fn text(&self, what: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
        let value = self.value.get_ref().as_str();
        value.or_else(|| self.expected(mistakes, what))
    }

    /// A string that means something else.
    pub(super) fn parsed<T, E: fmt::Display>(
        &self,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let parsed = parse(self.text(what, mistakes)?);
        parsed.map_err(|error| self.wrong(mistakes, error)).ok()
    }

    /// The elements of an array.
    pub(super) fn array(&self, what: &str, mistakes: &mut Mistakes) -> Option<Vec<Item<'a>>> {
        let Some(array) = self.value.get_ref().as_array() else {
            return self.expected(mistakes, what);
        };
        let item = |value| Item {
            path: self.path.clone(),
            value,
        };
        Some(array.iter().map(item).collect())
    }

    /// A table.
    pub(super) fn section(&self, mistakes: &mut Mistakes) -> Option<Section<'a>> {
        match self.value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.path.clone(), self.span(), table)),
            None => self.expected(mistakes, "a table"),
        }
    }
}
