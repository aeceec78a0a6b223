//! Whom to become.

use std::fmt;

use anyhow::{Context, Result, bail};
use nix::unistd::{Group, User};
use rustix::fs::{Gid, Uid};

/// The users that are tried if the configuration names none.
const DEFAULT_USERS: [&str; 2] = ["pvcallsd", "nobody"];

/// A user and a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, for reports.
    pub name: String,
    /// The user.
    pub user: Uid,
    /// The group.
    pub group: Gid,
}

impl Identity {
    /// Looks up a user and, if another group than the user's own is wanted, a group. Without a
    /// user, `pvcallsd`, or `nobody` where there is none.
    ///
    /// # Errors
    /// There is no such user or group.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Self> {
        let found = match user {
            Some(name) => User::from_name(name)
                .with_context(|| format!("looking for the user {name:?}"))?
                .with_context(|| format!("there is no user {name:?}"))?,
            None => DEFAULT_USERS
                .into_iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .with_context(|| {
                    format!("there is neither a user {}", DEFAULT_USERS.join(" nor "))
                })?,
        };
        let group = match group {
            Some(name) => {
                Group::from_name(name)
                    .with_context(|| format!("looking for the group {name:?}"))?
                    .with_context(|| format!("there is no group {name:?}"))?
                    .gid
            }
            None => found.gid,
        };
        if user.is_none() && found.uid.is_root() {
            bail!("the user {:?} is root", found.name);
        }
        Ok(Self {
            name: found.name,
            user: Uid::from_raw(found.uid.as_raw()),
            group: Gid::from_raw(group.as_raw()),
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}:{})",
            self.name,
            self.user.as_raw(),
            self.group.as_raw()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_or_named_in_the_error() {
        let root = Identity::find(Some("root"), None).unwrap();
        assert_eq!((root.user, root.group), (Uid::ROOT, Gid::ROOT));
        let error = Identity::find(Some("no such user"), None).unwrap_err();
        assert!(error.to_string().contains("no such user"), "{error}");
        let error = Identity::find(Some("root"), Some("no such group")).unwrap_err();
        assert!(error.to_string().contains("no such group"), "{error}");
    }
}
