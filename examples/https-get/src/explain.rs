//! What went wrong, for people: which of a certificate's promises does not hold.

use alloc::format;
use alloc::string::{String, ToString};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error};

/// Whether the server could be reached, but did not prove to be the one that was meant.
pub fn is_distrust(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented
    )
}

/// `error` in a sentence.
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(reason) => {
            format!("the server's certificate {}", certificate(reason))
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server does not speak TLS 1.3".into()
        }
        Error::AlertReceived(alert) => format!("the server ends the handshake: {alert:?}"),
        Error::InvalidMessage(_) => format!("the server does not speak TLS: {error}"),
        _ => error.to_string(),
    }
}

fn certificate(reason: &CertificateError) -> String {
    use CertificateError as Why;
    match reason {
        Why::NotValidForName => "is for another name".into(),
        Why::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}, but for {}",
            text(expected),
            presented.join(", ")
        ),
        Why::Expired => "has expired".into(),
        Why::ExpiredContext { time, not_after } => format!(
            "has expired: it was valid until {}, and it is {} now (seconds since 1970)",
            not_after.as_secs(),
            time.as_secs()
        ),
        Why::NotValidYet => "is not valid yet".into(),
        Why::NotValidYetContext { time, not_before } => format!(
            "is not valid yet: it will be from {} on, and it is {} now (seconds since 1970)",
            not_before.as_secs(),
            time.as_secs()
        ),
        Why::UnknownIssuer => {
            "is signed by nobody who is trusted: by itself, or by an unknown authority".into()
        }
        Why::BadSignature => "has a wrong signature".into(),
        Why::Revoked => "has been revoked".into(),
        Why::BadEncoding => "cannot be understood".into(),
        // rustls without std does not say which.
        Why::Other(_) => {
            "breaks a rule of chains: some certificate in it must not be used so, as a \
                          server's that signs another's"
                .into()
        }
        other => format!("is refused: {other:?}"),
    }
}

fn text(name: &ServerName<'_>) -> String {
    match name {
        ServerName::DnsName(name) => format!("{:?}", name.as_ref()),
        other => format!("{other:?}"),
    }
}
