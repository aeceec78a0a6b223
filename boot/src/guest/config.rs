//! The `xl` configuration of a guest.

use super::volume::Volume;
use anyhow::{Result, bail};
use std::path::Path;

/// Xen's limit for a guest's command line, its end mark included.
const MAX_COMMAND_LINE: usize = 1024;

/// What a guest is given.
#[derive(Clone, Debug)]
pub(crate) struct Config<'a> {
    /// The domain's name.
    pub(crate) name: &'a str,
    /// The path of the image on the host that runs it.
    pub(crate) image: &'a Path,
    /// Its memory.
    pub(crate) memory_mib: u32,
    /// Its arguments, as the program is to see them.
    pub(crate) args: &'a [String],
    /// Folders for it, by their paths on the host that runs it.
    pub(crate) volumes: &'a [Volume],
}

impl Config<'_> {
    /// The configuration file.
    pub(crate) fn text(&self) -> Result<String> {
        let line = command_line(self.args)?;
        let volumes = self.volumes()?;
        Ok(format!(
            "# Made by `cargo boot`. Start it with: xl create FILE; watch it with: xl console {name}\n\
             name = {quoted_name}\n\
             type = \"pv\"\n\
             # The image; change this when you copy it to another host.\n\
             kernel = {image}\n\
             memory = {memory}\n\
             vcpus = 1\n\
             # The program's arguments, quoted as for a shell.\n\
             extra = {line}\n\
             # Its sockets: every call is done by the backend in domain 0.\n\
             pvcalls = [\"backend=0\"]\n\
             {volumes}\
             # A guest that has ended stays until `xl destroy`, so that its exit code can be read:\n\
             #   xenstore-read /local/domain/ID/data/exit-code\n\
             on_poweroff = \"preserve\"\n\
             on_reboot = \"preserve\"\n\
             on_crash = \"preserve\"\n",
            name = self.name,
            quoted_name = xl_string(self.name),
            image = xl_string(&self.image.to_string_lossy()),
            memory = self.memory_mib,
            line = xl_string(&line),
        ))
    }

    /// The lines about its files, if it has any.
    fn volumes(&self) -> Result<String> {
        let entries = self
            .volumes
            .iter()
            .map(|volume| Ok(xl_string(&volume.entry()?)));
        let entries = entries.collect::<Result<Vec<String>>>()?;
        if entries.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(
            "# Its files: folders of domain 0. QEMU serves them; `xl` starts it with the guest.\n\
             p9 = [{}]\n",
            entries.join(", ")
        ))
    }
}

/// Arguments as one line, which the guest splits as a shell would.
pub(crate) fn command_line(args: &[String]) -> Result<String> {
    let quoted: Vec<String> = args.iter().map(crate::cmd::quote).collect();
    let line = quoted.join(" ");
    if let Some(arg) = args.iter().find(|arg| arg.chars().any(char::is_control)) {
        bail!(
            "the argument {arg:?} has a control character in it, which an xl configuration cannot carry"
        );
    }
    if line.len() >= MAX_COMMAND_LINE {
        bail!(
            "the guest's arguments take {} bytes; Xen passes at most {}",
            line.len(),
            MAX_COMMAND_LINE - 1
        );
    }
    Ok(line)
}

/// A string of an `xl` configuration. Of its escapes only these two are reliable: xl 4.17
/// loses characters around numeric ones, `\x22` and the like.
fn xl_string(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_reach_the_guest_as_they_are() {
        let args = [
            "http://a/?b=c".to_owned(),
            "two words".to_owned(),
            String::new(),
        ];
        assert_eq!(
            command_line(&args).unwrap(),
            "'http://a/?b=c' 'two words' ''"
        );
        assert_eq!(xl_string(r#"'a' "b\c""#), r#""'a' \"b\\c\"""#);
    }

    #[test]
    fn volumes_are_in_the_configuration() {
        let text = |volumes: &[Volume]| {
            let config = Config {
                name: "n",
                image: Path::new("/guest/n"),
                memory_mib: 64,
                args: &[],
                volumes,
            };
            config.text()
        };
        assert!(!text(&[]).unwrap().contains("p9"));
        let volumes = ["/a \"b\":one", "/c:two:/x"].map(|text| text.parse().unwrap());
        assert!(text(&volumes).unwrap().contains(
            "\np9 = [\"tag=one,path=/a \\\"b\\\",security_model=none\", \"tag=two,path=/c,security_model=none\"]\n"
        ));
        assert!(text(&["here:one".parse().unwrap()]).is_err(), "relative");
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(command_line(&["two\nlines".to_owned()]).is_err());
    }

    #[test]
    fn too_many_arguments_are_refused() {
        assert!(command_line(&["x".repeat(1023)]).is_ok());
        assert!(
            command_line(&["x".repeat(1024)])
                .unwrap_err()
                .to_string()
                .contains("1023")
        );
    }
}
