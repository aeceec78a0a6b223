//! The figures of a comparison: what is measured, medians over rounds, table and JSON.

use crate::rig::backend::Backend;
use std::fmt::Write;

/// The two that are compared, in the order of the columns; ratios are first by second.
pub(crate) const COMPARED: [Backend; 2] = [Backend::Pvcallsd, Backend::Linux];

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

const FIGURES: [Figure; 6] = [
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

/// All values, as they came.
#[derive(Debug)]
pub(crate) struct Figures {
    measured: Vec<Backend>,
    values: Vec<(Backend, &'static str, f64)>,
    failures: Vec<(Backend, String)>,
}

impl Figures {
    /// None yet; all of `measured` are to have some.
    pub(crate) fn of(measured: &[Backend]) -> Self {
        Self {
            measured: measured.to_vec(),
            values: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Takes a record of dom0's, if it is one of ours; false if it is malformed.
    pub(crate) fn take(&mut self, record: &str) -> bool {
        let mut words = record.splitn(3, ' ');
        let kind = words.next().unwrap_or_default();
        let backend = words.next().and_then(Backend::from_name);
        match (kind, backend, words.next()) {
            ("bench", Some(backend), Some(rest)) => self.take_value(backend, rest),
            ("bench-failed", Some(backend), reason) => {
                let reason = reason.unwrap_or("for no reason given").to_owned();
                self.failures.push((backend, reason));
                true
            }
            ("bench" | "bench-failed", ..) => false,
            _ => true,
        }
    }

    fn take_value(&mut self, backend: Backend, rest: &str) -> bool {
        let Some((name, value)) = rest.split_once(' ') else {
            return false;
        };
        let figure = FIGURES.iter().find(|figure| figure.name == name);
        match (figure, value.parse()) {
            (Some(figure), Ok(value)) => {
                self.values.push((backend, figure.name, value));
                true
            }
            _ => false,
        }
    }

    /// Whether each figure is there, and no round failed.
    pub(crate) fn complete(&self) -> bool {
        let there = |figure, backend: &Backend| self.median(figure, *backend).is_some();
        self.failures.is_empty()
            && FIGURES
                .iter()
                .all(|figure| self.measured.iter().all(|backend| there(figure, backend)))
    }

    /// In the figure's unit, one per round.
    fn rounds(&self, figure: &Figure, backend: Backend) -> Vec<f64> {
        let own = self
            .values
            .iter()
            .filter(|(of, name, _)| *of == backend && *name == figure.name);
        own.map(|(_, _, value)| value / figure.scale).collect()
    }

    fn median(&self, figure: &Figure, backend: Backend) -> Option<f64> {
        let mut rounds = self.rounds(figure, backend);
        rounds.sort_by(f64::total_cmp);
        let upper = *rounds.get(rounds.len() / 2)?;
        let lower = rounds[(rounds.len() - 1) / 2];
        Some((lower + upper) / 2.0)
    }

    fn ratio(&self, figure: &Figure) -> Option<f64> {
        let [first, second] = COMPARED.map(|backend| self.median(figure, backend));
        second
            .filter(|value| *value > 0.0)
            .and_then(|second| Some(first? / second))
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let [first, second] = COMPARED.map(Backend::name);
        let mut table = format!("{:<38} {first:>10} {second:>10}  {first}/{second}\n", "");
        for figure in &FIGURES {
            let [one, other] = COMPARED.map(|backend| shown(self.median(figure, backend)));
            let label = format!("{}, {}", figure.label, figure.unit);
            let ratio = self
                .ratio(figure)
                .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            let better = if figure.more_is_better {
                ""
            } else {
                " (less is better)"
            };
            // Writing to a String does not fail.
            let _ = writeln!(table, "{label:<38} {one:>10} {other:>10}  {ratio}{better}");
        }
        for (backend, reason) in &self.failures {
            let _ = writeln!(table, "a round with {} failed: {reason}", backend.name());
        }
        table
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let number = |value: Option<f64>| value.map_or("null".to_owned(), |v| format!("{v:.3}"));
        let figures = FIGURES.iter().map(|figure| {
            let backends = COMPARED.map(|backend| {
                let rounds = self.rounds(figure, backend).into_iter().map(Some);
                let rounds: Vec<String> = rounds.map(number).collect();
                format!(
                    "\"{}\": {{\"median\": {}, \"rounds\": [{}]}}",
                    backend.name(),
                    number(self.median(figure, backend)),
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
                backends.join(", "),
                number(self.ratio(figure))
            )
        });
        let figures: Vec<String> = figures.collect();
        format!(
            "{{\n  \"complete\": {},\n  \"figures\": [\n{}\n  ]\n}}\n",
            self.complete(),
            figures.join(",\n")
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

    fn figures(records: &[&str]) -> Figures {
        let mut figures = Figures::of(&COMPARED);
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
        assert_eq!(figures.median(&FIGURES[0], Backend::Pvcallsd), Some(30.0));
        assert_eq!(figures.ratio(&FIGURES[0]), Some(3.0));
        assert_eq!(
            figures.median(&FIGURES[2], Backend::Linux),
            Some(2.0),
            "between two"
        );
        assert_eq!(figures.ratio(&FIGURES[2]), None);
        assert!(!figures.complete());
        let table = figures.table();
        let first = table.lines().nth(1).unwrap();
        assert!(first.ends_with("30.0       10.0  3.00"), "{first}");
        assert!(
            figures.json().contains(
                "\"pvcallsd\": {\"median\": 30.000, \"rounds\": [30.000, 90.000, 20.000]}"
            )
        );
    }

    #[test]
    fn a_failed_round_makes_it_incomplete() {
        let mut records = Vec::new();
        for figure in &FIGURES {
            for backend in COMPARED {
                records.push(format!("bench {} {} 5", backend.name(), figure.name));
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
        let mut figures = Figures::of(&COMPARED);
        for record in [
            "bench qemu connections 1",
            "bench linux connections many",
            "bench linux speed 1",
            "bench linux connections",
            "bench-failed",
        ] {
            assert!(!figures.take(record), "{record}");
        }
    }
}
