//! The figures of a comparison: what is measured, medians over rounds, table and JSON.

use std::fmt::Write;

/// What is compared in two columns.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// What it is about.
    title: &'static str,
    /// The two, in the order of the columns; ratios are first by second.
    pub(crate) sides: [&'static str; 2],
    figures: &'static [Figure],
}

/// Something that is measured.
#[derive(Clone, Copy, Debug)]
struct Figure {
    /// What the guest calls it.
    name: &'static str,
    /// What the table says.
    label: &'static str,
    /// The table's unit.
    unit: &'static str,
    /// How many of what the guest prints make one of them.
    scale: f64,
    /// Whether more is better.
    more_is_better: bool,
}

/// Two backends, with the same guest.
pub(crate) const SOCKETS: Comparison = Comparison {
    title: "sockets",
    // As `Backend::name` has it.
    sides: ["pvcallsd", "linux"],
    figures: &SOCKET_FIGURES,
};

/// Two guests, with the same backend.
pub(crate) const FILES: Comparison = Comparison {
    title: "files",
    sides: ["callisto", "linux-guest"],
    figures: &FILE_FIGURES,
};

const SOCKET_FIGURES: [Figure; 6] = [
    Figure {
        name: "guest-to-host",
        label: "bulk, guest to host",
        unit: "MB/s",
        scale: 1e6,
        more_is_better: true,
    },
    Figure {
        name: "host-to-guest",
        label: "bulk, host to guest",
        unit: "MB/s",
        scale: 1e6,
        more_is_better: true,
    },
    Figure {
        name: "round-trip-p50",
        label: "round trip of 1 byte, median",
        unit: "us",
        scale: 1e3,
        more_is_better: false,
    },
    Figure {
        name: "round-trip-p99",
        label: "round trip of 1 byte, 99 %",
        unit: "us",
        scale: 1e3,
        more_is_better: false,
    },
    Figure {
        name: "connections",
        label: "connections, in turn",
        unit: "/s",
        scale: 1.0,
        more_is_better: true,
    },
    Figure {
        name: "connections-8",
        label: "connections, 8 threads",
        unit: "/s",
        scale: 1.0,
        more_is_better: true,
    },
];

const FILE_FIGURES: [Figure; 4] = [
    Figure {
        name: "file-write",
        label: "sequential write",
        unit: "MB/s",
        scale: 1e6,
        more_is_better: true,
    },
    Figure {
        name: "file-read",
        label: "sequential read",
        unit: "MB/s",
        scale: 1e6,
        more_is_better: true,
    },
    Figure {
        name: "file-random-read",
        label: "random reads of 4 KiB",
        unit: "/s",
        scale: 1.0,
        more_is_better: true,
    },
    Figure {
        name: "file-append",
        label: "appends of 100 bytes, each synced",
        unit: "/s",
        scale: 1.0,
        more_is_better: true,
    },
];

/// All values, as they came.
#[derive(Debug)]
pub(crate) struct Figures {
    measured: Vec<(&'static Comparison, Vec<&'static str>)>,
    values: Vec<(&'static str, &'static str, f64)>,
    failures: Vec<(&'static str, String)>,
}

impl Figures {
    /// None yet; of each comparison all the sides named are to have some.
    pub(crate) fn of(measured: Vec<(&'static Comparison, Vec<&'static str>)>) -> Self {
        Self {
            measured,
            values: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Takes a record of dom0's, if it is one of ours; false if it is malformed.
    pub(crate) fn take(&mut self, record: &str) -> bool {
        let mut words = record.splitn(3, ' ');
        let kind = words.next().unwrap_or_default();
        let side = words.next().and_then(|name| self.side(name));
        match (kind, side, words.next()) {
            ("bench", Some((comparison, side)), Some(rest)) => {
                self.take_value(comparison, side, rest)
            }
            ("bench-failed", Some((_, side)), reason) => {
                let reason = reason.unwrap_or("for no reason given").to_owned();
                self.failures.push((side, reason));
                true
            }
            ("bench" | "bench-failed", ..) => false,
            _ => true,
        }
    }

    /// The side called `name`, among those that are measured.
    fn side(&self, name: &str) -> Option<(&'static Comparison, &'static str)> {
        self.measured.iter().find_map(|(comparison, sides)| {
            let side = sides.iter().find(|side| **side == name)?;
            Some((*comparison, *side))
        })
    }

    fn take_value(
        &mut self,
        comparison: &'static Comparison,
        side: &'static str,
        rest: &str,
    ) -> bool {
        let Some((name, value)) = rest.split_once(' ') else {
            return false;
        };
        let mut figures = comparison.figures.iter();
        match (figures.find(|figure| figure.name == name), value.parse()) {
            (Some(figure), Ok(value)) => {
                self.values.push((side, figure.name, value));
                true
            }
            _ => false,
        }
    }

    /// Whether each figure is there, and no round failed.
    pub(crate) fn complete(&self) -> bool {
        let there = |comparison: &Comparison, side| {
            let mut figures = comparison.figures.iter();
            figures.all(|figure| self.median(figure, side).is_some())
        };
        self.failures.is_empty()
            && self
                .measured
                .iter()
                .all(|(comparison, sides)| sides.iter().all(|side| there(comparison, side)))
    }

    /// In the figure's unit, one per round.
    fn rounds(&self, figure: &Figure, side: &str) -> Vec<f64> {
        let own = self
            .values
            .iter()
            .filter(|(of, name, _)| *of == side && *name == figure.name);
        own.map(|(_, _, value)| value / figure.scale).collect()
    }

    fn median(&self, figure: &Figure, side: &str) -> Option<f64> {
        let mut rounds = self.rounds(figure, side);
        rounds.sort_by(f64::total_cmp);
        let upper = *rounds.get(rounds.len() / 2)?;
        let lower = rounds[(rounds.len() - 1) / 2];
        Some((lower + upper) / 2.0)
    }

    fn ratio(&self, comparison: &Comparison, figure: &Figure) -> Option<f64> {
        let [first, second] = comparison.sides.map(|side| self.median(figure, side));
        second
            .filter(|value| *value > 0.0)
            .and_then(|second| Some(first? / second))
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for (comparison, _) in &self.measured {
            self.add_to_table(comparison, &mut table);
        }
        for (side, reason) in &self.failures {
            // Writing to a String does not fail.
            let _ = writeln!(table, "a round with {side} failed: {reason}");
        }
        table
    }

    fn add_to_table(&self, comparison: &Comparison, table: &mut String) {
        let [first, second] = comparison.sides;
        let title = comparison.title;
        let _ = writeln!(
            table,
            "{title:<40} {first:>11} {second:>11}  {first}/{second}"
        );
        for figure in comparison.figures {
            let [one, other] = comparison
                .sides
                .map(|side| shown(self.median(figure, side)));
            let label = format!("{}, {}", figure.label, figure.unit);
            let ratio = self.ratio(comparison, figure);
            let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            let better = if figure.more_is_better {
                ""
            } else {
                " (less is better)"
            };
            let _ = writeln!(table, "{label:<40} {one:>11} {other:>11}  {ratio}{better}");
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let figures = self.measured.iter().flat_map(|(comparison, _)| {
            let figures = comparison.figures.iter();
            figures.map(|figure| self.figure_json(comparison, figure))
        });
        let figures: Vec<String> = figures.collect();
        format!(
            "{{\n  \"complete\": {},\n  \"figures\": [\n{}\n  ]\n}}\n",
            self.complete(),
            figures.join(",\n")
        )
    }

    fn figure_json(&self, comparison: &Comparison, figure: &Figure) -> String {
        let number = |value: Option<f64>| value.map_or("null".to_owned(), |v| format!("{v:.3}"));
        let sides = comparison.sides.map(|side| {
            let rounds = self.rounds(figure, side).into_iter().map(Some);
            let rounds: Vec<String> = rounds.map(number).collect();
            format!(
                "\"{side}\": {{\"median\": {}, \"rounds\": [{}]}}",
                number(self.median(figure, side)),
                rounds.join(", ")
            )
        });
        format!(
            "    {{\"name\": \"{}\", \"unit\": \"{}\", \"better\": \"{}\", {}, \"ratio\": {}}}",
            figure.name,
            figure.unit,
            if figure.more_is_better {
                "more"
            } else {
                "less"
            },
            sides.join(", "),
            number(self.ratio(comparison, figure))
        )
    }
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::backend::{self, Backend};

    fn both() -> Figures {
        let all = |comparison: &'static Comparison| (comparison, comparison.sides.to_vec());
        Figures::of([&SOCKETS, &FILES].map(all).into())
    }

    fn figures(records: &[&str]) -> Figures {
        let mut figures = both();
        for record in records {
            assert!(figures.take(record), "{record}");
        }
        figures
    }

    #[test]
    fn medians_are_compared_in_the_tables_units() {
        let figures = figures(&[
            "bench linux guest-to-host 10000000",
            "bench pvcallsd guest-to-host 30000000",
            "note something else",
            "bench pvcallsd guest-to-host 90000000",
            "bench pvcallsd guest-to-host 20000000",
            "bench linux round-trip-p50 1500",
            "bench linux round-trip-p50 2500",
        ]);
        assert_eq!(figures.median(&SOCKET_FIGURES[0], "pvcallsd"), Some(30.0));
        assert_eq!(figures.ratio(&SOCKETS, &SOCKET_FIGURES[0]), Some(3.0));
        assert_eq!(
            figures.median(&SOCKET_FIGURES[2], "linux"),
            Some(2.0),
            "between two"
        );
        assert_eq!(figures.ratio(&SOCKETS, &SOCKET_FIGURES[2]), None);
        assert!(!figures.complete());
        let table = figures.table();
        let first = table.lines().nth(1).unwrap();
        assert!(first.ends_with("30.0        10.0  3.00"), "{first}");
        assert!(
            figures.json().contains(
                "\"pvcallsd\": {\"median\": 30.000, \"rounds\": [30.000, 90.000, 20.000]}"
            )
        );
    }

    #[test]
    fn a_failed_round_makes_it_incomplete() {
        let mut records = Vec::new();
        for comparison in [&SOCKETS, &FILES] {
            for figure in comparison.figures {
                let sides = comparison.sides;
                records.extend(sides.map(|side| format!("bench {side} {} 5", figure.name)));
            }
        }
        let mut all = figures(&records.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(all.complete());
        assert!(!figures(&["bench linux connections 5"]).complete());
        assert!(all.take("bench-failed linux it hung"));
        assert!(!all.complete());
        assert!(all.table().contains("a round with linux failed: it hung"));
        assert!(all.json().starts_with("{\n  \"complete\": false"));
    }

    #[test]
    fn malformed_records_are_told() {
        let mut figures = both();
        for record in [
            "bench qemu connections 1",
            "bench linux connections many",
            "bench linux file-read 1",
            "bench linux speed 1",
            "bench linux connections",
            "bench-failed",
        ] {
            assert!(!figures.take(record), "{record}");
        }
    }

    #[test]
    fn backends_have_the_names_of_the_columns() {
        assert_eq!(SOCKETS.sides, backend::ALL.map(Backend::name));
    }

    #[test]
    fn what_is_not_measured_is_neither_shown_nor_missed() {
        let mut figures = Figures::of(vec![(&FILES, vec!["callisto"])]);
        assert!(!figures.take("bench linux-guest file-read 5"));
        for figure in FILES.figures {
            assert!(!figures.complete());
            assert!(figures.take(&format!("bench callisto {} 5", figure.name)));
        }
        assert!(figures.complete());
        assert!(!figures.table().contains("pvcallsd"));
    }
}
