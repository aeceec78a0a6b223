//! What to fetch.

use alloc::format;
use alloc::string::String;

use rustls::pki_types::ServerName;

/// `https://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// A name or an address; whom the certificate must be for. An IPv6 address is without its
    /// brackets.
    pub name: ServerName<'static>,
    /// As the header `Host` wants it: with the port if it is not 443.
    pub authority: String,
    /// Where to connect to, `HOST:PORT`.
    pub address: String,
    /// From the slash on.
    pub path: String,
}

impl Url {
    /// Takes `text` apart; an error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Url, &'static str> {
        let rest = text
            .strip_prefix("https://")
            .ok_or("not of the form https://HOST[:PORT][/PATH]")?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        if path.bytes().any(|byte| byte <= b' ' || byte == 127) {
            return Err("the path has blanks or control characters");
        }
        let (host, port) = split_port(authority)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(String::from(bare))
            .map_err(|_| "the host is neither a name nor an address")?;
        let authority = match port {
            443 => String::from(host),
            port => format!("{host}:{port}"),
        };
        Ok(Url {
            name,
            authority,
            address: format!("{host}:{port}"),
            path: path.into(),
        })
    }
}

/// `HOST` or `HOST:PORT`; an IPv6 address is in brackets.
fn split_port(authority: &str) -> Result<(&str, u16), &'static str> {
    let colon = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => colon,
        _ => return Ok((authority, 443)),
    };
    let (host, port) = authority.split_at(colon);
    if host.contains(':') && !host.ends_with(']') {
        return Err("an IPv6 address must be in brackets");
    }
    match port[1..].parse() {
        Ok(port @ 1..) if port_is_digits(&authority[colon + 1..]) => Ok((host, port)),
        _ => Err("the port is not a number from 1 to 65535"),
    }
}

fn port_is_digits(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_ports_and_paths() {
        let url = Url::parse("https://example.org").unwrap();
        assert_eq!(url.address, "example.org:443");
        assert_eq!(url.authority, "example.org");
        assert_eq!(url.path, "/");
        let url = Url::parse("https://192.0.2.1:8443/a/b?c").unwrap();
        assert_eq!(url.address, "192.0.2.1:8443");
        assert_eq!(url.authority, "192.0.2.1:8443");
        assert_eq!(url.path, "/a/b?c");
        assert!(matches!(url.name, ServerName::IpAddress(_)));
        let url = Url::parse("https://[2001:db8::1]/").unwrap();
        assert_eq!(url.address, "[2001:db8::1]:443");
        assert!(matches!(url.name, ServerName::IpAddress(_)));
        assert_eq!(
            Url::parse("https://[::1]:444/").unwrap().address,
            "[::1]:444"
        );
    }

    #[test]
    fn what_cannot_be_a_url_is_refused() {
        for wrong in [
            "http://example.org/",
            "https://",
            "https:///path",
            "https://example.org:0/",
            "https://example.org:+1/",
            "https://example.org:65536/",
            "https://2001:db8::1/",
            "https://exa mple/",
            "https://example.org/a b",
            "https://example.org/a\r\nX: y",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
