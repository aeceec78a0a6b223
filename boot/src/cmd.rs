//! Running other programs: shown with `-v`, and a failure names the command and what it said.

use crate::ui;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// The command as a user could type it.
pub(crate) fn line(cmd: &Command) -> String {
    let mut text = String::new();
    if let Some(dir) = cmd.get_current_dir() {
        text.push_str(&format!("cd {} && ", quote(dir.as_os_str())));
    }
    for (key, value) in cmd.get_envs() {
        if let Some(value) = value {
            let value = value.to_string_lossy().replace('\u{1f}', " ");
            text.push_str(&format!("{}={} ", key.to_string_lossy(), quote(value)));
        }
    }
    text.push_str(&quote(cmd.get_program()));
    for arg in cmd.get_args() {
        text.push(' ');
        text.push_str(&quote(arg));
    }
    text
}

/// `word` as the shell would take it back.
pub(crate) fn quote(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Shows `cmd` if the user asked to see commands. For those that are not run through this module.
pub(crate) fn show(cmd: &Command) {
    if ui::verbose() {
        eprintln!("+ {}", line(cmd));
    }
}

/// Runs `cmd` and returns what it printed. Its error output is shown only if it fails.
pub(crate) fn output(cmd: &mut Command) -> Result<String> {
    let bytes = output_bytes(cmd)?;
    String::from_utf8(bytes)
        .with_context(|| format!("`{}` printed something other than UTF-8", line(cmd)))
}

/// Like [`output`], for programs that print anything but text.
pub(crate) fn output_bytes(cmd: &mut Command) -> Result<Vec<u8>> {
    show(cmd);
    let out = cmd
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", line(cmd)))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        bail!(
            "`{}` failed ({}):\n{}",
            line(cmd),
            out.status,
            tail(&said, 20)
        );
    }
    Ok(out.stdout)
}

/// Runs `cmd` for its effect.
pub(crate) fn run(cmd: &mut Command) -> Result<()> {
    output_bytes(cmd).map(drop)
}

/// Runs `cmd` with the user's terminal: for package managers and compilers, which talk to people.
pub(crate) fn run_visibly(cmd: &mut Command) -> Result<()> {
    show(cmd);
    let status = cmd
        .status()
        .with_context(|| format!("cannot start `{}`", line(cmd)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(cmd));
    }
    Ok(())
}

/// The last `lines` lines of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut cmd = Command::new("echo");
        cmd.args(["plain", "two words", "it's"]).current_dir("/tmp");
        assert_eq!(line(&cmd), r"cd /tmp && echo plain 'two words' 'it'\''s'");
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
