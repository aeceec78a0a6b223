//! Clients, files and their futures go to other threads where the connection does.

use super::super::{CallId, Directory, Node, Parent, ReadAhead};
use super::*;
use crate::wire::{Fid, Request, Response};
use core::task::{Poll, Waker};

/// A connection that threads may share; it is never up.
#[derive(Clone, Debug)]
struct Shareable;

impl Connection for Shareable {
    fn submit(&self, _: &Request<'_>) -> Result<CallId, Error> {
        Err(Error::Gone)
    }

    fn poll_call(&self, _: CallId, _: &Waker) -> Poll<Result<Response, Error>> {
        Poll::Ready(Err(Error::Gone))
    }

    fn drop_call(&self, _: CallId) {}

    fn new_fid(&self) -> Result<Fid, Error> {
        Err(Error::Gone)
    }

    fn forget(&self, _: Fid) {}

    fn msize(&self) -> u32 {
        MSIZE
    }

    fn set_msize(&self, _: u32) {}
}

fn goes<T: Send>(_: &T) {}

const fn is_shared<T: Send + Sync>() {}

const _: () = {
    is_shared::<Client<Shareable>>();
    is_shared::<File<Shareable>>();
    is_shared::<Node<Shareable>>();
    is_shared::<Parent<Shareable>>();
    is_shared::<Directory<Shareable>>();
    is_shared::<ReadAhead<Shareable>>();
};

#[test]
fn futures_go_to_other_threads() {
    let options = Options::default();
    goes(&Client::attach(Shareable, &options));
    async fn all(client: &Client<Shareable>) -> Result<(), PathError> {
        let how = OpenHow::reading();
        let mut buffer = [0; 10];
        let file = client.open(b"f", &how, 0).await?;
        ReadAhead::new().read(&file, &mut buffer, 0).await?;
        file.read_at(&mut buffer, 0).await?;
        file.write_at(&buffer, 0).await?;
        let parent = client.resolve_parent(b"f", 0).await?;
        parent.rename(&parent).await?;
        let mut entries = client.root().entries().await?;
        entries.next().await?;
        Ok(())
    }
    let _: fn(&Client<Shareable>) = |client| goes(&all(client));
}
