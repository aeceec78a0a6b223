//! Rates as a table.

use std::fmt::Write;

use pvcalls_back::metrics::Address;

use super::rates::{Numbers, Row, Snapshot};

/// A line about the daemon, a head, a line per domain, and their sum.
pub(super) fn format(rows: &[Row], now: &Snapshot, address: &Address) -> String {
    let mut text = format!(
        "pvcallsd {} at {address}, domains: {}\n",
        now.version,
        rows.len()
    );
    line(
        &mut text,
        [
            "DOMAIN", "CONN/s", "IN B/s", "OUT B/s", "CMDS/s", "SOCKETS", "PAGES", "DENIED",
        ]
        .map(str::to_owned),
        "NAME",
    );
    let mut sum = Numbers::default();
    for row in rows {
        sum.add(&row.numbers);
        let cells = cells(row.domain.to_string(), &row.numbers);
        line(&mut text, cells, &row.name);
    }
    line(&mut text, cells("all".to_owned(), &sum), "");
    text
}

fn cells(name: String, numbers: &Numbers) -> [String; 8] {
    [
        name,
        format!("{:.1}", numbers.connections),
        amount(numbers.bytes_in),
        amount(numbers.bytes_out),
        format!("{:.1}", numbers.commands),
        format!("{:.0}", numbers.sockets),
        format!("{:.0}", numbers.pages),
        format!("{:.0}", numbers.denied),
    ]
}

fn line(text: &mut String, cells: [String; 8], name: &str) {
    for (index, cell) in cells.iter().enumerate() {
        let width = if index == 0 { 6 } else { 9 };
        // Writing to a string cannot fail.
        let _ = write!(text, "{cell:>width$}");
    }
    if !name.is_empty() {
        text.push_str("  ");
        text.extend(name.chars().filter(|character| !character.is_control()));
    }
    text.push('\n');
}

/// A number of bytes in at most eight characters: `999`, `1.5 Ki`, `12.0 Gi`.
fn amount(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["", " Ki", " Mi", " Gi"] {
        if value < 999.95 {
            return if unit.is_empty() {
                format!("{value:.0}")
            } else {
                format!("{value:.1}{unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} Ti")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn amounts_are_short() {
        for (bytes, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1536.0, "1.5 Ki"),
            (1023.0 * 1024.0, "1.0 Mi"),
            (1_048_576.0, "1.0 Mi"),
            (5e12, "4.5 Ti"),
        ] {
            assert_eq!(amount(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn every_line_has_every_column_and_the_last_is_the_sum() {
        let numbers = Numbers {
            sockets: 3.0,
            bytes_in: 2048.0,
            ..Numbers::default()
        };
        let row = |domain, name: &str| Row {
            domain,
            name: name.to_owned(),
            numbers,
        };
        let rows = [row(7, ""), row(12, "we\x1bb")];
        let now = Snapshot::new(&[], Instant::now());
        let table = format(&rows, &now, &Address::default());
        let lines: Vec<&str> = table.lines().skip(1).collect();
        let widths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [75, 69, 74, 69], "{table}");
        assert!(lines[2].ends_with("  web"), "{table}");
        let last: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(last, ["all", "0.0", "4.0", "Ki", "0", "0.0", "6", "0", "0"]);
    }
}
