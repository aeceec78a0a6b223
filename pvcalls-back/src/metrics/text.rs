//! Prometheus' text format, version 0.0.4, as it is written:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};

/// The `Content-Type` of what is written here.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// A level.
    Gauge,
}

/// A text under construction. All samples of a family come together, as the format wants.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family: a name, and what it means in a sentence.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.0.push_str("# HELP ");
        self.0.push_str(name);
        self.0.push(' ');
        for character in help.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        // Writing to a string cannot fail.
        let _ = write!(self.0, "\n# TYPE {name} {kind}\n");
        Family { text: self, name }
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A family under construction.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) {
        let out = &mut self.text.0;
        out.push_str(self.name);
        if !labels.is_empty() {
            for (index, (name, label)) in labels.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                out.push_str(name);
                out.push_str("=\"");
                let _ = write!(Escaped(out), "{label}");
                out.push('"');
            }
            out.push('}');
        }
        let _ = writeln!(out, " {value}");
    }
}

/// Escapes what is written through it as the value of a label.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_announced_once_and_labels_are_escaped() {
        let mut text = Text::default();
        let mut family = text.family("x_total", Kind::Counter, "Back\\slash\nand line.");
        family.sample(&[], 1);
        family.sample(
            &[("a", &"q\"b\\n\n"), ("b", &7)],
            18_446_744_073_709_551_615_u64,
        );
        assert_eq!(
            text.finish(),
            "# HELP x_total Back\\\\slash\\nand line.\n\
             # TYPE x_total counter\n\
             x_total 1\n\
             x_total{a=\"q\\\"b\\\\n\\n\",b=\"7\"} 18446744073709551615\n"
        );
    }
}
