//! SOCKET, BIND and LISTEN: what succeeds, what fails, and how each failure looks to the caller.

use core::net::SocketAddr;

use super::{assert_clean, nothing_asked, rig};
use crate::test_utils::{Call, CountingWaker, Rig};
use crate::{Interest, ListenOptions, SocketId, TryError};

fn at() -> SocketAddr {
    "192.0.2.7:8080".parse().expect("an address")
}

/// Begins to listen with the smallest rings.
#[track_caller]
fn listen(rig: &mut Rig) -> SocketId {
    let options = ListenOptions::default();
    { rig.frontend.listen(at(), options, rig.now_ns) }.expect("nothing is short")
}

#[test]
fn a_listener_is_made_bound_and_listens_before_it_accepts() {
    let mut rig = rig();
    let id = listen(&mut rig);
    let (woken, waker) = CountingWaker::pair();
    let registered = rig.frontend.register(id, Interest::Connect, &waker);
    assert_eq!(registered, Ok(()));
    let request = expect!(&mut rig, Call::Socket { domain: 2, .. });
    assert_eq!(request.id, id.get());
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Bind { len: 16, .. });
    assert_eq!(request.call, Call::Bind { at: at(), len: 16 });
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);
    let request = expect!(&mut rig, Call::Listen { backlog: 128 });
    assert_eq!(rig.frontend.try_listen(id), Err(TryError::WouldBlock));
    nothing_asked(&mut rig);
    answer!(&mut rig, request, 0);
    assert_eq!(rig.frontend.try_listen(id), Ok(()));
    assert!(woken.count() > 0);
    let accept = expect!(&mut rig, Call::Accept { .. });
    assert_eq!(accept.id, id.get());
    nothing_asked(&mut rig);
    assert_eq!(rig.frontend.try_accept(id, 0), Err(TryError::WouldBlock));
    answer!(&mut rig, accept, 0);
    let stream = rig.frontend.try_accept(id, 0).expect("it came");
    assert_eq!(accept.call, {
        let Call::Accept { grant, port, .. } = accept.call else {
            panic!("an ACCEPT");
        };
        let new = stream.get();
        Call::Accept { new, grant, port }
    });
    rig.backend.stream(stream).expect("open").send(b"hello");
    assert_eq!(rig.frontend.try_read(stream, &mut [0; 9]), Ok(5));
    let another = expect!(&mut rig, Call::Accept { .. });
    rig.frontend.close(stream, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, stream.get());
    answer!(&mut rig, release, 0);
    rig.frontend.close(id, None, 0).expect("good");
    let release = expect!(&mut rig, Call::Release { .. });
    assert_eq!(release.id, id.get());
    // Not Linux, which leaves it.
    answer!(&mut rig, another, -125);
    answer!(&mut rig, release, 0);
    assert_clean(&rig);
}
