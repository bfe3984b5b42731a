//! Long work in blocks that survives kills: each finished block is a file of its own in a folder beside the output.
//!
//! The folder holds the request in words, and only the same request resumes it. Files appear complete or not at
//! all, so what a kill or a full disk loses is the block at hand.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use calo_core::{Error, Result};

/// The request, a `name: value` a line.
const REQUEST: &str = "request.txt";
/// Locked by the process that works here.
const LOCK: &str = "lock";
/// Beginning of a block's name; its number follows.
const BLOCK: &str = "block-";
/// In front of a block's bytes.
const CHECKSUM_BYTES: usize = 16;

/// Finished blocks of a request, in order, open for more.
#[derive(Debug)]
pub(super) struct FinishedBlocks {
    folder: PathBuf,
    lock: File,
    n_blocks: u64,
}

impl FinishedBlocks {
    /// Resumes with the blocks in `folder` if there are any, or begins. `request` names what is asked for, name and
    /// value; with `restart` blocks of another request, or of this one, are dropped.
    ///
    /// # Errors
    /// A place that holds something else, blocks of another request, another process at work; a place that cannot be
    /// written.
    pub(super) fn open(folder: &Path, request: &[(String, String)], restart: bool) -> Result<Self> {
        if fs::symlink_metadata(folder).is_ok() && !folder.is_dir() {
            return Err(foreign(folder, "is not a folder".to_owned()));
        }
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create the folder", e))?;
        check_names(folder)?;
        let lock = lock(folder)?;
        calo_core::remove_unfinished(folder)?;
        let lines = request.iter().map(|(name, value)| format!("{name}: {}\n", value.replace('\n', " ")));
        let wanted: String = lines.collect();
        let mut blocks = Self { folder: folder.to_owned(), lock, n_blocks: 0 };
        let found = match fs::read_to_string(folder.join(REQUEST)) {
            Ok(found) => Some(found),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(Error::io(&folder.join(REQUEST), "read", e)),
        };
        match found {
            Some(found) if found == wanted && !restart => blocks.n_blocks = blocks.count(),
            Some(found) if !restart => return Err(another_request(folder, &found, &wanted)),
            _ => {}
        }
        // Blocks of another request, and those from the first missing or damaged one on.
        blocks.remove_from(blocks.n_blocks)?;
        calo_core::write_atomically(&folder.join(REQUEST), wanted.as_bytes())?;
        Ok(blocks)
    }

    /// Finished blocks.
    pub(super) fn n_blocks(&self) -> u64 {
        self.n_blocks
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a block and brings it to the disk.
    ///
    /// # Errors
    /// A full disk; nothing of the block stays then.
    pub(super) fn append(&mut self, block: &[u8]) -> Result<()> {
        let content = [&checksum(self.n_blocks, block)[..], block].concat();
        calo_core::write_atomically(&self.path(self.n_blocks), &content)?;
        self.n_blocks += 1;
        Ok(())
    }

    /// Replaces `block` by the one of this number.
    ///
    /// # Errors
    /// A block that is missing or not what was written.
    pub(super) fn read(&self, number: u64, block: &mut Vec<u8>) -> Result<()> {
        let path = self.path(number);
        *block = fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
        let damaged =
            || Error::file(&path, "is damaged", "what was written; run again to make the rest anew");
        let (expected, content) = block.split_at_checked(CHECKSUM_BYTES).ok_or_else(damaged)?;
        if checksum(number, content) != expected {
            return Err(damaged());
        }
        block.drain(..CHECKSUM_BYTES);
        Ok(())
    }

    /// Whether the folder still stands under its name.
    pub(super) fn is_kept(&self) -> bool {
        is_at(&self.lock, &self.folder.join(LOCK))
    }

    /// Deletes the blocks, which have served, and their folder.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn remove(self) -> Result<()> {
        // Somebody else may have tidied up, which does no harm any more.
        if !self.is_kept() {
            return Ok(());
        }
        self.remove_from(0)?;
        for name in [REQUEST, LOCK] {
            remove_file(&self.folder.join(name))?;
        }
        match fs::remove_dir(&self.folder) {
            // Another process begins there already.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.map_err(|e| Error::io(&self.folder, "remove", e)),
        }
    }

    /// Whole blocks from the first one on.
    fn count(&self) -> u64 {
        let mut block = Vec::new();
        (0..).take_while(|&number| self.read(number, &mut block).is_ok()).count() as u64
    }

    /// Removes the blocks from this number on.
    fn remove_from(&self, first: u64) -> Result<()> {
        for name in names(&self.folder)? {
            if block_number(&name).is_some_and(|number| number >= first) {
                remove_file(&self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{BLOCK}{number:06}"))
    }
}

/// Of the block's place and content: a block copied elsewhere is none.
fn checksum(number: u64, block: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(block);
    let mut checksum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut checksum);
    checksum
}

fn block_number(name: &str) -> Option<u64> {
    name.strip_prefix(BLOCK)?.parse().ok()
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let list = |e| Error::io(folder, "list", e);
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    fs::read_dir(folder).map_err(list)?.map(name).collect::<std::io::Result<_>>().map_err(list)
}

/// That nothing of somebody else's stands in `folder`, which would be lost with it.
fn check_names(folder: &Path) -> Result<()> {
    let is_ours =
        |name: &str| [REQUEST, LOCK].contains(&name) || name.starts_with('.') || block_number(name).is_some();
    match names(folder)?.into_iter().find(|name| !is_ours(name)) {
        Some(name) => Err(foreign(folder, format!("holds `{name}`"))),
        None => Ok(()),
    }
}

fn foreign(folder: &Path, problem: String) -> Error {
    let expected = "unfinished work of this version of calo under this name, or nothing; move it away";
    Error::file(folder, problem, expected)
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(path, "remove", e)),
        _ => Ok(()),
    }
}

/// Keeps other processes out.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let busy = || Error::file(folder, "another process is working on it", "one at a time, or another output");
    // Not replaced by a fresh file: two processes that begin at once would each hold one of their own.
    let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
        Ok(file) => file,
        // Finished and removed since the folder was created.
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(busy()),
        Err(e) => return Err(Error::io(&path, "open for writing", e)),
    };
    match file.try_lock() {
        // File systems without locks.
        Ok(()) | Err(TryLockError::Error(_)) if is_at(&file, &path) => Ok(file),
        // Held, or finished and removed since it was opened.
        _ => Err(busy()),
    }
}

/// Whether `file` is what stands at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if identity(&a) == identity(&b))
}

/// Where files in use cannot be removed, the name tells.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Names what differs.
fn another_request(folder: &Path, found: &str, wanted: &str) -> Error {
    let differing: Vec<String> = found
        .lines()
        .filter(|line| !line.is_empty() && !wanted.lines().any(|other| other == *line))
        .map(|line| {
            let name = line.split(": ").next().unwrap_or(line);
            let other = wanted.lines().find_map(|other| other.strip_prefix(&format!("{name}: ")));
            format!("{line}, not {}", other.unwrap_or("given"))
        })
        .collect();
    let problem = format!("holds unfinished work of another request ({})", differing.join("; "));
    Error::file(folder, problem, "the same options to resume, --restart to drop it, or another --out")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(seed: u64) -> Vec<(String, String)> {
        vec![("command".to_owned(), "simulate".to_owned()), ("seed".to_owned(), seed.to_string())]
    }

    fn open(folder: &Path, seed: u64, restart: bool) -> Result<FinishedBlocks> {
        FinishedBlocks::open(folder, &request(seed), restart)
    }

    fn all(blocks: &FinishedBlocks) -> Vec<Vec<u8>> {
        let mut block = Vec::new();
        let mut read = |number| {
            blocks.read(number, &mut block).unwrap();
            block.clone()
        };
        (0..blocks.n_blocks()).map(&mut read).collect()
    }

    /// Whatever happened to a block, those before it stay and work resumes to the same bytes.
    #[test]
    fn work_goes_on_before_the_first_missing_or_damaged_block() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out.partial");
        let content: Vec<Vec<u8>> = (0..4_u8).map(|i| vec![i; 10 * usize::from(i)]).collect();
        let mut blocks = open(&folder, 1, false).unwrap();
        content.iter().for_each(|block| blocks.append(block).unwrap());
        drop(blocks);
        let path = |number: usize| folder.join(format!("block-{number:06}"));
        let damages: [&dyn Fn(&Path); 5] = [
            &|path| fs::remove_file(path).unwrap(),
            &|path| fs::write(path, b"").unwrap(),
            &|path| fs::write(path, &fs::read(path).unwrap()[1..]).unwrap(),
            &|path| {
                let mut bytes = fs::read(path).unwrap();
                *bytes.last_mut().unwrap() ^= 0x10;
                fs::write(path, bytes).unwrap();
            },
            // Another block's content.
            &|other| fs::write(other, fs::read(path(if other == path(0) { 1 } else { 0 })).unwrap()).unwrap(),
        ];
        for (damage, number) in damages.iter().flat_map(|damage| (0..4).map(move |number| (damage, number))) {
            damage(&path(number));
            let mut blocks = open(&folder, 1, false).unwrap();
            assert_eq!(blocks.n_blocks() as usize, number);
            content[number..].iter().for_each(|block| blocks.append(block).unwrap());
            assert_eq!(all(&blocks), content);
        }
        // What a kill leaves of the block at hand.
        fs::write(folder.join(".block-000004.XyZ.partial"), b"half").unwrap();
        assert_eq!(all(&open(&folder, 1, false).unwrap()), content);
        assert!(names(&folder).unwrap().iter().all(|name| !name.starts_with('.')));
    }

    #[test]
    fn a_block_that_is_damaged_later_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out.partial");
        let mut blocks = open(&folder, 1, false).unwrap();
        blocks.append(b"block").unwrap();
        fs::write(folder.join("block-000000"), b"something else, and longer").unwrap();
        let message = blocks.read(0, &mut Vec::new()).unwrap_err().to_string();
        assert!(message.contains("block-000000: is damaged"), "{message}");
        assert!(blocks.read(1, &mut Vec::new()).is_err());
    }

    #[test]
    fn other_requests_folders_and_processes_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out.partial");
        let mut blocks = open(&folder, 1, false).unwrap();
        blocks.append(b"block").unwrap();
        let message = open(&folder, 1, false).unwrap_err().to_string();
        assert!(message.contains("another process is working on it"), "{message}");
        drop(blocks);
        let message = open(&folder, 2, false).unwrap_err().to_string();
        assert!(
            message.contains("another request (seed: 1, not 2)") && message.contains("--restart"),
            "{message}"
        );
        assert_eq!(open(&folder, 1, false).unwrap().n_blocks(), 1);
        assert_eq!(open(&folder, 2, true).unwrap().n_blocks(), 0);
        assert_eq!(open(&folder, 2, false).unwrap().n_blocks(), 0);
        let (notes, file) = (folder.join("notes"), parent.path().join("file.partial"));
        for path in [&notes, &file] {
            fs::write(path, "my own").unwrap();
        }
        for (place, restart) in [(&folder, false), (&folder, true), (&file, false), (&file, true)] {
            let message = open(place, 2, restart).unwrap_err().to_string();
            assert!(message.contains("move it away"), "{message}");
        }
        assert!([&notes, &file].iter().all(|path| fs::read_to_string(path).unwrap() == "my own"));
    }

    #[test]
    fn the_same_request_restarts_when_told_and_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out.partial");
        let mut blocks = open(&folder, 1, false).unwrap();
        blocks.append(b"block").unwrap();
        drop(blocks);
        let mut blocks = open(&folder, 1, true).unwrap();
        assert_eq!(blocks.n_blocks(), 0);
        blocks.append(b"block").unwrap();
        blocks.remove().unwrap();
        assert!(!folder.exists());
    }

    /// Processes that begin at once: one works, the others are told so.
    #[test]
    fn one_of_many_that_begin_at_once_works() {
        let parent = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let folder = parent.path().join(format!("{round}.partial"));
            let start = std::sync::Barrier::new(4);
            let one = || {
                start.wait();
                open(&folder, 1, round % 2 == 0)
            };
            let opened: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let works = opened.iter().filter(|blocks| blocks.is_ok()).count();
            assert_eq!(works, 1, "round {round}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_somebody_removed_or_took_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out.partial");
        let mut blocks = open(&folder, 1, false).unwrap();
        assert!(blocks.is_kept());
        fs::remove_dir_all(&folder).unwrap();
        assert!(!blocks.is_kept() && blocks.append(b"one").is_err());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("block-000000"), "another's").unwrap();
        blocks.remove().unwrap();
        assert_eq!(fs::read_to_string(folder.join("block-000000")).unwrap(), "another's");
    }
}
