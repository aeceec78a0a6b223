//! The tree by paths, as somebody on the server's machine sees and changes it.
//!
//! Paths begin at the root, with or without a `/`; symbolic links are not followed. What cannot be
//! done is a mistake of the test, and panics.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Body, Inode, Node, Tree};

impl Tree {
    /// What is at that path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Inode> {
        let names = path.split('/').filter(|name| !name.is_empty());
        names
            .into_iter()
            .try_fold(Self::ROOT, |at, name| self.lookup(at, name.as_bytes()).ok())
    }

    /// Whether something is there.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// The file, directory or link at that path.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn at(&self, path: &str) -> &Node {
        self.node(self.found(path))
    }

    /// The same, to be changed as one likes.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn at_mut(&mut self, path: &str) -> &mut Node {
        let inode = self.found(path);
        self.node_mut(inode)
    }

    /// What the file at that path holds.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn content(&self, path: &str) -> Vec<u8> {
        match &self.at(path).body {
            Body::File(content) => {
                content.read(0, usize::try_from(content.len()).expect("fits into memory"))
            }
            _ => panic!("{path} is no file"),
        }
    }

    /// Names in the directory at that path, in order of the alphabet.
    ///
    /// # Panics
    /// If there is none, or it holds names that are not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn names(&self, path: &str) -> Vec<String> {
        let inode = self.found(path);
        let Body::Directory(entries) = &self.node(inode).body else {
            panic!("{path} is no directory");
        };
        let mut names: Vec<String> = entries
            .after(2, inode)
            .map(|(_, name, _)| String::from_utf8(name.to_vec()).expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// Makes the directory at that path and those above that are missing.
    ///
    /// # Panics
    /// If something else is in the way.
    #[track_caller]
    pub fn put_directory(&mut self, path: &str) -> Inode {
        let mut at = Self::ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = match self.lookup(at, name.as_bytes()) {
                Ok(found) => found,
                Err(_) => self
                    .make_directory(at, name.as_bytes(), 0o755, 0)
                    .expect("a directory can be made"),
            };
        }
        assert!(self.node(at).is_directory(), "{path} is no directory");
        at
    }

    /// Makes a file with that content, or gives it to the one that is there; and the directories
    /// above.
    ///
    /// # Panics
    /// If that cannot be.
    #[track_caller]
    pub fn put_file(&mut self, path: &str, content: &[u8]) -> Inode {
        let (directory, name) = self.place(path);
        let inode = match self.lookup(directory, name) {
            Ok(found) => found,
            Err(_) => self
                .create(directory, name, 0o644, 0)
                .expect("a file can be made"),
        };
        self.set_len(inode, 0);
        assert_eq!(self.write(inode, 0, content), Ok(content.len()), "{path}");
        inode
    }

    /// Makes a symbolic link, and the directories above.
    ///
    /// # Panics
    /// If that cannot be.
    #[track_caller]
    pub fn put_symlink(&mut self, path: &str, target: &str) -> Inode {
        let (directory, name) = self.place(path);
        self.symlink(directory, name, target.as_bytes(), 0)
            .expect("a link can be made")
    }

    /// Removes what is there; of a directory, all that is in it as well.
    ///
    /// # Panics
    /// If there is nothing.
    #[track_caller]
    pub fn remove(&mut self, path: &str) {
        let inode = self.found(path);
        let is_directory = self.node(inode).is_directory();
        if is_directory {
            for name in self.names(path) {
                self.remove(&alloc::format!("{path}/{name}"));
            }
        }
        let (directory, name) = self.place(path);
        self.unlink(directory, name, is_directory)
            .expect("it can be removed");
    }

    /// Gives what is there another path, instead of what was there.
    ///
    /// # Panics
    /// If that cannot be.
    #[track_caller]
    pub fn move_to(&mut self, path: &str, new_path: &str) {
        let (from, name) = self.place(path);
        let (to, new_name) = self.place(new_path);
        self.rename(from, name, to, new_name)
            .expect("it can be renamed");
    }

    #[track_caller]
    fn found(&self, path: &str) -> Inode {
        let Some(inode) = self.find(path) else {
            panic!("there is no {path}");
        };
        inode
    }

    /// The directory of the last name, made if need be, and that name.
    #[track_caller]
    fn place<'p>(&mut self, path: &'p str) -> (Inode, &'p [u8]) {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.put_directory(directory), name.as_bytes())
    }
}
