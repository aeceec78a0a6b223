//! Options: the table of docs/extensions.md, and what is refused before it is sent.

use core::task::Waker;

use super::{connected, extended, nothing_asked};
use crate::test_utils::{Call as Wire, Rig};
use crate::{Call, Errno, SocketError, SocketId, SocketOption, TryError};

const ALL: [SocketOption; 9] = [
    SocketOption::NoDelay,
    SocketOption::KeepAlive,
    SocketOption::Ttl,
    SocketOption::Linger,
    SocketOption::SendBuffer,
    SocketOption::ReceiveBuffer,
    SocketOption::Error,
    SocketOption::Broadcast,
    SocketOption::OnlyV6,
];

/// What GETOPT says when it is answered with this.
#[track_caller]
fn got(rig: &mut Rig, id: SocketId, option: SocketOption, value: i64) -> Result<i64, TryError> {
    let call = rig.frontend.call(id, Call::GetOption(option), 0);
    let call = call.expect("it can be asked for");
    let request = expect!(rig, Wire::GetOption { .. });
    rig.backend.answer_with(&request, 0, &value.to_le_bytes());
    rig.deliver();
    rig.frontend.try_call(call, Waker::noop())
}

#[test]
fn the_numbers_are_those_of_the_table() {
    for (number, option) in (1..).zip(ALL) {
        assert_eq!(option.number(), number, "{option:?}");
    }
}

#[test]
fn values_at_the_limits_are_sent_and_those_beyond_are_not() {
    use SocketOption as O;
    let mut rig = extended();
    let id = connected(&mut rig);
    for (option, least, most) in [
        (O::NoDelay, 0, 1),
        (O::KeepAlive, 0, 32767),
        (O::Ttl, 1, 255),
        (O::Linger, -1, 0xffff_ffff),
        (O::SendBuffer, 1, 0x7fff_ffff),
        (O::ReceiveBuffer, 1, 0x7fff_ffff),
    ] {
        for value in [least - 1, most + 1, i64::MIN, i64::MAX] {
            let call = rig.frontend.call(id, Call::SetOption(option, value), 0);
            assert_eq!(call, Err(SocketError::BadValue), "{option:?} {value}");
        }
        nothing_asked(&mut rig);
        for value in [least, most] {
            let call = rig.frontend.call(id, Call::SetOption(option, value), 0);
            let call = call.expect("in range");
            let request = expect!(&mut rig, Wire::SetOption { .. });
            assert_eq!(
                request.call,
                Wire::SetOption {
                    option: option.number(),
                    value
                }
            );
            answer!(&mut rig, request, 0);
            assert_eq!(rig.frontend.try_call(call, Waker::noop()), Ok(0));
        }
    }
    assert_eq!(SocketError::BadValue.errno(), Errno::EINVAL);
}

#[test]
fn a_stream_of_ipv4_has_no_options_of_others() {
    let mut rig = extended();
    let id = connected(&mut rig);
    let none = Err(SocketError::NoSuchOption);
    for option in [SocketOption::Broadcast, SocketOption::OnlyV6] {
        assert_eq!(rig.frontend.call(id, Call::GetOption(option), 0), none);
        assert_eq!(rig.frontend.call(id, Call::SetOption(option, 1), 0), none);
    }
    let set_error = Call::SetOption(SocketOption::Error, 0);
    assert_eq!(rig.frontend.call(id, set_error, 0), none);
    nothing_asked(&mut rig);
    assert_eq!(SocketError::NoSuchOption.errno(), Errno::ENOPROTOOPT);
}

#[test]
fn what_cannot_be_a_value_is_not_handed_on() {
    use SocketOption as O;
    let mut rig = extended();
    let id = connected(&mut rig);
    let bad = Err(SocketError::BadAnswer.into());
    for (option, good, wrong) in [
        (O::NoDelay, 1, 2),
        (O::KeepAlive, 7200, 40_000),
        (O::Ttl, 64, 0),
        (O::Linger, -1, -2),
        (O::SendBuffer, 1 << 33, -1),
        (O::ReceiveBuffer, 87_380, i64::MIN),
        (O::Error, 111, 4096),
    ] {
        assert_eq!(got(&mut rig, id, option, good), Ok(good));
        assert_eq!(got(&mut rig, id, option, wrong), bad, "{option:?}");
    }
    assert_eq!(SocketError::BadAnswer.errno(), Errno::EPROTO);
}
