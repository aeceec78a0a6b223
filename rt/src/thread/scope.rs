//! Threads that borrow: [`scope`].

use alloc::sync::Arc;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Poll;

use kernel::thread::wait;

use super::{Builder, JoinHandle, Result, Thread, current};
use crate::io;

/// What a scope and its threads share.
#[derive(Debug)]
struct Shared {
    /// Threads of the scope that may still touch what they borrow.
    running: AtomicUsize,
    /// Who waits for them.
    owner: Thread,
}

/// Where threads that borrow are started: see [`scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    shared: Arc<Shared>,
    // Neither lifetime may shrink or grow, as in std.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs `f`, which may start threads that borrow what is around it, and waits until all of them
/// have ended.
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let shared = Arc::new(Shared {
        running: AtomicUsize::new(0),
        owner: current(),
    });
    let scope = Scope {
        shared: shared.clone(),
        scope: PhantomData,
        env: PhantomData,
    };
    // A panic ends the domain, so the wait below is never jumped over.
    let result = f(&scope);
    wait(None, |_| match shared.running.load(Ordering::Acquire) {
        0 => Poll::Ready(()),
        _ => Poll::Pending,
    });
    result
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts a thread of the scope with the default settings.
    ///
    /// # Panics
    /// When there is no memory for its stack; [`Builder::spawn_scoped`] returns an error instead.
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let handle = Builder::new().spawn_scoped(self, f);
        handle.expect("failed to spawn thread")
    }
}

impl Builder {
    /// Starts a thread that borrows, without a scope.
    ///
    /// # Safety
    /// The thread must have ended before anything that `f` or its result borrows does.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`]
    pub unsafe fn spawn_unchecked<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        // SAFETY: passed on.
        match unsafe { self.inner.spawn_unchecked(f) } {
            Ok(inner) => Ok(JoinHandle { inner }),
            Err(error) => Err(io::Error::new(io::ErrorKind::OutOfMemory, error)),
        }
    }

    /// Starts the thread as one of a [`scope`].
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let shared = scope.shared.clone();
        let end = move || {
            if shared.running.fetch_sub(1, Ordering::Release) == 1 {
                shared.owner.unpark();
            }
        };
        scope.shared.running.fetch_add(1, Ordering::Relaxed);
        // SAFETY: whatever `f` borrows lives for 'scope, and that does not end before `scope`
        // returns, which waits until `running` is 0. `end` is what counts it down, called when
        // the thread has done all that could touch what `f` or its result borrows. A result that
        // the handle keeps is as short-lived as the handle's own lifetime says.
        let started = unsafe { self.inner.spawn_unchecked_then(f, end) };
        match started {
            Ok(inner) => Ok(ScopedJoinHandle {
                inner,
                scope: PhantomData,
            }),
            Err(error) => {
                scope.shared.running.fetch_sub(1, Ordering::Relaxed);
                Err(io::Error::new(io::ErrorKind::OutOfMemory, error))
            }
        }
    }
}

/// Waits for a thread of a [`scope`] and takes its result.
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    inner: kernel::thread::JoinHandle<T>,
    scope: PhantomData<&'scope mut &'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        self.inner.thread()
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }

    /// Waits for the end of the thread; always `Ok`.
    ///
    /// # Errors
    /// None: a panic ends the domain.
    pub fn join(self) -> Result<T> {
        Ok(self.inner.join())
    }
}
