//! One question to a DNS server, and its answer (RFC 1035).

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::name::ParsedName;
use domain::base::wire::ParseError;
use domain::base::{Message, MessageBuilder, ParsedRecord, ToName};
use domain::dep::octseq::Array;
use domain::rdata::{A, Aaaa, Cname};

use crate::host::Name;

/// How many aliases (CNAME) one may lead to the next. More are a loop, or no service to anyone.
const ALIASES: usize = 16;
/// How many addresses are taken from an answer; nobody tries more.
const ADDRESSES: usize = 64;
/// The longest question: header, name and four bytes; 2 + 12 + 255 + 4 with its length.
pub(crate) type Question = Array<512>;

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4: records of type A.
    V4,
    /// IPv6: records of type AAAA.
    V6,
}

impl Family {
    fn rtype(self) -> Rtype {
        match self {
            Self::V4 => Rtype::A,
            Self::V6 => Rtype::AAAA,
        }
    }
}

/// What a server sent is no answer to what it was asked, or says that it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// It cannot be read.
    Malformed,
    /// The number or the question is not one of ours, or it is no answer at all.
    Unasked,
    /// It says that it is cut off, which makes no sense over TCP.
    Truncated,
    /// Its aliases lead in a circle, or on and on.
    Aliases,
    /// The server could not find out (SERVFAIL), or will not tell (REFUSED and others).
    Refused(u8),
    /// The connection ended too early.
    Ended,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the answer cannot be read"),
            Self::Unasked => f.write_str("an answer to what was not asked"),
            Self::Truncated => f.write_str("the answer is cut off"),
            Self::Aliases => f.write_str("too many aliases"),
            Self::Refused(2) => f.write_str("the server could not find out (SERVFAIL)"),
            Self::Refused(5) => f.write_str("the server refused (REFUSED)"),
            Self::Refused(code) => write!(f, "the server refused (code {code})"),
            Self::Ended => f.write_str("the server ended the connection"),
        }
    }
}

impl core::error::Error for BadAnswer {}

impl From<ParseError> for BadAnswer {
    fn from(_: ParseError) -> Self {
        Self::Malformed
    }
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The addresses of the name; none if it only has other records.
    Addresses(Vec<IpAddr>),
    /// There is no such name (NXDOMAIN).
    NoSuchName,
}

/// Writes a question; `None` if it is too long, which a [`Name`] is not.
pub(crate) fn question(name: &Name, family: Family, id: u16) -> Option<Question> {
    let name = wire_name(name)?;
    let mut message = MessageBuilder::from_target(Question::new()).ok()?;
    message.header_mut().set_id(id);
    message.header_mut().set_rd(true);
    let mut questions = message.question();
    questions.push((&name, family.rtype(), Class::IN)).ok()?;
    Some(questions.finish())
}

/// A name as it is in messages.
fn wire_name(name: &Name) -> Option<domain::base::Name<Array<255>>> {
    let mut builder = domain::base::NameBuilder::<Array<255>>::new();
    for label in name.as_str().split('.') {
        builder.append_label(label.as_bytes()).ok()?;
    }
    builder.into_name().ok()
}

/// The number of a message, if it is long enough to have one.
pub(crate) fn id(message: &[u8]) -> Option<u16> {
    Some(Message::from_slice(message).ok()?.header().id())
}

/// Reads the answer to a question.
pub(crate) fn answer(message: &[u8], name: &Name, family: Family) -> Result<Answer, BadAnswer> {
    let message = Message::from_slice(message).map_err(|_| BadAnswer::Malformed)?;
    let header = message.header();
    if !header.qr() || header.opcode() != Opcode::QUERY {
        return Err(BadAnswer::Unasked);
    }
    let name = wire_name(name).ok_or(BadAnswer::Unasked)?;
    // A server that refuses may leave the question out.
    match header.rcode() {
        Rcode::NOERROR | Rcode::NXDOMAIN => {}
        other => return Err(BadAnswer::Refused(other.to_int())),
    }
    let asked = message.sole_question()?;
    let same = asked.qname().name_eq(&name);
    if !same || asked.qtype() != family.rtype() || asked.qclass() != Class::IN {
        return Err(BadAnswer::Unasked);
    }
    if header.tc() {
        return Err(BadAnswer::Truncated);
    }
    if header.rcode() == Rcode::NXDOMAIN {
        return Ok(Answer::NoSuchName);
    }
    let records = Records::read(message.answer()?)?;
    records.addresses(&name, family).map(Answer::Addresses)
}

/// A name within a message.
type Within<'a> = ParsedName<&'a [u8]>;

/// The records of an answer that matter, in any order.
#[derive(Default)]
struct Records<'a> {
    aliases: Vec<(Within<'a>, Within<'a>)>,
    addresses: Vec<(Within<'a>, IpAddr)>,
}

impl<'a> Records<'a> {
    fn read(section: domain::base::message::RecordSection<'a, [u8]>) -> Result<Self, BadAnswer> {
        let mut records = Self::default();
        for record in section {
            let record: ParsedRecord<'a, [u8]> = record?;
            if record.class() != Class::IN {
                continue;
            }
            let owner = record.owner();
            if let Some(alias) = record.to_record::<Cname<_>>()? {
                records
                    .aliases
                    .push((owner, alias.into_data().into_cname()));
            } else if let Some(address) = record.to_record::<A>()? {
                records
                    .addresses
                    .push((owner, address.data().addr().into()));
            } else if let Some(address) = record.to_record::<Aaaa>()? {
                records
                    .addresses
                    .push((owner, address.data().addr().into()));
            }
        }
        Ok(records)
    }

    /// The addresses of `name`, or of what it is an alias of.
    fn addresses(&self, name: &impl ToName, family: Family) -> Result<Vec<IpAddr>, BadAnswer> {
        let mut target = match self.alias(name) {
            None => return Ok(self.of(name, family)),
            Some(target) => target,
        };
        for _ in 1..ALIASES {
            target = match self.alias(&target) {
                None => return Ok(self.of(&target, family)),
                Some(target) => target,
            };
        }
        match self.alias(&target) {
            None => Ok(self.of(&target, family)),
            Some(_) => Err(BadAnswer::Aliases),
        }
    }

    fn alias(&self, name: &impl ToName) -> Option<Within<'a>> {
        let mut aliases = self.aliases.iter();
        aliases
            .find(|(owner, _)| owner.name_eq(name))
            .map(|(_, target)| *target)
    }

    fn of(&self, name: &impl ToName, family: Family) -> Vec<IpAddr> {
        let of_family = |address: &IpAddr| address.is_ipv6() == (family == Family::V6);
        let own = self
            .addresses
            .iter()
            .filter(|(owner, _)| owner.name_eq(name));
        let addresses = own.map(|(_, address)| *address).filter(of_family);
        addresses.take(ADDRESSES).collect()
    }
}
