//! The bytes that clients send: `connection N round R` in lines without end.

/// The line of a connection and a round.
pub(crate) fn line(connection: usize, round: usize) -> Vec<u8> {
    format!("connection {connection} round {round}\n").into_bytes()
}

/// Fills `bytes` with what stands from byte `at` on.
pub(crate) fn fill(bytes: &mut [u8], line: &[u8], at: usize) {
    let source = line.iter().cycle().skip(at % line.len());
    for (byte, source) in bytes.iter_mut().zip(source) {
        *byte = *source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_stands_there_in_the_whole() {
        let line = line(7, 3);
        let mut whole = [0; 200];
        fill(&mut whole, &line, 0);
        assert!(whole.starts_with(b"connection 7 round 3\nconnection 7"));
        for at in [0, 1, 20, 21, 22, 150] {
            let mut part = [0; 50];
            fill(&mut part, &line, at);
            assert_eq!(part, whole[at..at + 50], "{at}");
        }
    }
}
