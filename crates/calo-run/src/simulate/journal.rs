//! Long work in blocks that survives kills: each finished block is appended to a file beside the output.
//!
//! The journal opens with the request in words; only the same request goes on with it. A block is its length, a
//! checksum and its bytes. Whatever a kill or a full disk left of the last block is cut off on opening.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use calo_core::{Error, Result};

/// First line.
const MAGIC: &str = "calo journal 1";
/// The request ends within so many bytes.
const MAX_REQUEST_BYTES: u64 = 1 << 16;
/// Length and checksum in front of each block.
const BLOCK_HEADER: usize = 8 + CHECKSUM_BYTES;
const CHECKSUM_BYTES: usize = 16;

/// Finished blocks of a request, in order, open for more.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the first block begins.
    start: u64,
    n_blocks: u64,
}

impl Journal {
    /// Goes on with the journal at `path` if there is one, or begins it. `request` names what is asked for, name and
    /// value; with `restart` what there is of another request, or of this one, is dropped.
    ///
    /// # Errors
    /// A file that is no journal, one of another request, one that another process is working on; a place that cannot
    /// be written.
    pub(super) fn open(path: &Path, request: &[(String, String)], restart: bool) -> Result<Self> {
        let mut header = format!("{MAGIC}\n");
        for (name, value) in request {
            header += &format!("{name}: {}\n", value.replace('\n', " "));
        }
        header.push('\n');
        let mut file = open_locked(path)?;
        let found = read_request(path, &mut file, &header)?;
        if found != header || restart {
            if !(found.is_empty() || restart) {
                return Err(another_request(path, &found, &header));
            }
            // The same file: whoever waits for it must not find another one.
            let begun = file.set_len(0).and_then(|()| file.write_all(header.as_bytes()));
            begun.map_err(|e| Error::io(path, "begin", e))?;
        }
        let start = header.len() as u64;
        let mut blocks = Blocks::new(path, &file, start)?;
        let mut block = Vec::new();
        while matches!(blocks.next(&mut block), Ok(true)) {}
        let (n_blocks, end) = (blocks.n_read, blocks.position);
        file.set_len(end).map_err(|e| Error::io(path, "cut off", e))?;
        Ok(Self { path: path.to_owned(), file, start, n_blocks })
    }

    /// Finished blocks.
    pub(super) fn n_blocks(&self) -> u64 {
        self.n_blocks
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a block and brings it to the disk.
    ///
    /// # Errors
    /// A full disk; what was written of the block is cut off when the journal is opened again.
    pub(super) fn append(&mut self, block: &[u8]) -> Result<()> {
        let mut record = Vec::with_capacity(BLOCK_HEADER + block.len());
        record.extend_from_slice(&(block.len() as u64).to_le_bytes());
        record.extend_from_slice(&checksum(self.n_blocks, block));
        record.extend_from_slice(block);
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        written.map_err(|e| Error::io(&self.path, "append a block to", e))?;
        self.n_blocks += 1;
        Ok(())
    }

    /// Whether the file still stands under its name.
    pub(super) fn is_kept(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// The blocks from the first one on: one reader at a time, for all share the place in the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn blocks(&self) -> Result<Blocks> {
        Blocks::new(&self.path, &self.file, self.start)
    }

    /// Deletes the journal, which has served.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn remove(self) -> Result<()> {
        // Somebody else may have tidied up, which does no harm any more.
        if !self.is_kept() {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|e| Error::io(&self.path, "remove", e))
    }
}

/// Blocks of a journal, one in memory at a time.
#[derive(Debug)]
pub(super) struct Blocks {
    path: PathBuf,
    file: BufReader<File>,
    position: u64,
    n_bytes: u64,
    n_read: u64,
}

impl Blocks {
    /// Through the handle that wrote them: the name may be another file's by now.
    fn new(path: &Path, file: &File, start: u64) -> Result<Self> {
        let file = file.try_clone().map_err(|e| Error::io(path, "read", e))?;
        let n_bytes = file.metadata().map_err(|e| Error::io(path, "look at", e))?.len();
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(start)).map_err(|e| Error::io(path, "read", e))?;
        Ok(Self { path: path.to_owned(), file, position: start, n_bytes, n_read: 0 })
    }

    /// Replaces `block` by the next one; `false` at the end.
    ///
    /// # Errors
    /// A block that is not whole or not what was written.
    pub(super) fn next(&mut self, block: &mut Vec<u8>) -> Result<bool> {
        if self.position == self.n_bytes {
            return Ok(false);
        }
        let mut header = [0; BLOCK_HEADER];
        self.file.read_exact(&mut header).map_err(|e| Error::io(&self.path, "read", e))?;
        let (length, expected) = header.split_at(8);
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let end = self.position.saturating_add(BLOCK_HEADER as u64).saturating_add(length);
        if end > self.n_bytes {
            return Err(self.damaged());
        }
        block.resize(length as usize, 0);
        self.file.read_exact(block).map_err(|e| Error::io(&self.path, "read", e))?;
        if checksum(self.n_read, block) != expected {
            return Err(self.damaged());
        }
        self.position = end;
        self.n_read += 1;
        Ok(true)
    }

    fn damaged(&self) -> Error {
        let problem = format!("block {} is damaged", self.n_read);
        Error::file(&self.path, problem, "what was written; run again to make the rest anew")
    }
}

/// Of the block's place and content: a block copied elsewhere is none.
fn checksum(index: u64, block: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&index.to_le_bytes()).update(block);
    let mut checksum = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut checksum);
    checksum
}

/// Opens the journal for this process alone; an empty file where there is none.
fn open_locked(path: &Path) -> Result<File> {
    let is_free = || fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound);
    if !fs::metadata(path).map_or_else(|_| is_free(), |metadata| metadata.is_file()) {
        return Err(Error::file(path, "is not a regular file", "a name for unfinished work that is free"));
    }
    // Not replaced by a fresh file: two processes that begin at once would each hold one of their own. Blocks go to the
    // end wherever they were last read.
    let open = OpenOptions::new().read(true).append(true).create(true).open(path);
    let file = open.map_err(|e| Error::io(path, "open for writing", e))?;
    match file.try_lock() {
        // File systems without locks.
        Ok(()) | Err(TryLockError::Error(_)) if is_at(&file, path) => Ok(file),
        // Held, or finished and removed since it was opened.
        _ => Err(Error::file(path, "another process is working on it", "one at a time, or another output")),
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

/// The request of a journal, magic and end included; nothing where a full disk or a kill left less than `header`.
fn read_request(path: &Path, file: &mut File, header: &str) -> Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_REQUEST_BYTES).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    if bytes.len() < header.len() && header.as_bytes().starts_with(&bytes) {
        return Ok(String::new());
    }
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let request = end.map(|end| String::from_utf8_lossy(&bytes[..end + 2]).into_owned());
    request.filter(|text| text.starts_with(&format!("{MAGIC}\n"))).ok_or_else(|| {
        let expected = "unfinished work of calo under this name, or none; move the file away";
        Error::file(path, "is not a journal of calo", expected)
    })
}

/// Names what differs.
fn another_request(path: &Path, found: &str, wanted: &str) -> Error {
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
    Error::file(path, problem, "the same options to go on, --restart to drop it, or another --out")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(seed: u64) -> Vec<(String, String)> {
        vec![("command".to_owned(), "simulate".to_owned()), ("seed".to_owned(), seed.to_string())]
    }

    fn all(journal: &Journal) -> Vec<Vec<u8>> {
        let (mut blocks, mut block, mut all) = (journal.blocks().unwrap(), Vec::new(), Vec::new());
        while blocks.next(&mut block).unwrap() {
            all.push(block.clone());
        }
        all
    }

    /// Cut anywhere, as a kill or a full disk does: whole blocks stay, the rest goes, and work goes on.
    #[test]
    fn a_journal_cut_anywhere_goes_on_after_the_last_whole_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.partial");
        let blocks: Vec<Vec<u8>> = (0..4_u8).map(|i| vec![i; 10 * usize::from(i)]).collect();
        let mut journal = Journal::open(&path, &request(1), false).unwrap();
        blocks.iter().for_each(|block| journal.append(block).unwrap());
        let start = journal.start as usize;
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for cut in start..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, &request(1), false).unwrap();
            let kept = journal.n_blocks() as usize;
            assert_eq!(all(&journal), blocks[..kept], "cut at {cut}");
            blocks[kept..].iter().for_each(|block| journal.append(block).unwrap());
            drop(journal);
            assert!(fs::read(&path).unwrap() == whole, "cut at {cut}");
        }
        // A changed byte costs its block and those behind, never a wrong one.
        for changed in (start..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[changed] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let journal = Journal::open(&path, &request(1), false).unwrap();
            assert!(journal.n_blocks() < 4, "changed at {changed}");
            assert_eq!(all(&journal), blocks[..journal.n_blocks() as usize]);
        }
    }

    #[test]
    fn other_requests_files_and_processes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.partial");
        let mut journal = Journal::open(&path, &request(1), false).unwrap();
        journal.append(b"block").unwrap();
        let message = Journal::open(&path, &request(1), false).unwrap_err().to_string();
        assert!(message.contains("another process is working on it"), "{message}");
        drop(journal);
        let message = Journal::open(&path, &request(2), false).unwrap_err().to_string();
        assert!(
            message.contains("another request (seed: 1, not 2)") && message.contains("--restart"),
            "{message}"
        );
        assert_eq!(Journal::open(&path, &request(1), false).unwrap().n_blocks(), 1);
        assert_eq!(Journal::open(&path, &request(2), true).unwrap().n_blocks(), 0);
        for content in ["notes", "my own notes\n\n"] {
            fs::write(&path, content).unwrap();
            for restart in [false, true] {
                let message = Journal::open(&path, &request(1), restart).unwrap_err().to_string();
                assert!(message.contains("not a journal of calo"), "{message}");
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        let message = Journal::open(folder.path(), &request(1), false).unwrap_err().to_string();
        assert!(message.contains("not a regular file"), "{message}");
    }

    #[test]
    fn the_same_request_restarts_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.partial");
        let mut journal = Journal::open(&path, &request(1), false).unwrap();
        journal.append(b"block").unwrap();
        drop(journal);
        let journal = Journal::open(&path, &request(1), true).unwrap();
        assert_eq!(journal.n_blocks(), 0);
        journal.remove().unwrap();
        assert!(!path.exists());
    }

    /// Processes that begin at once: one works, the others are told so.
    #[test]
    fn one_of_many_that_begin_at_once_works() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(format!("{round}.partial"));
            let start = std::sync::Barrier::new(4);
            let one = || {
                start.wait();
                Journal::open(&path, &request(1), round % 2 == 0)
            };
            let opened: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let works: Vec<_> = opened.iter().filter(|journal| journal.is_ok()).collect();
            assert_eq!(works.len(), 1, "round {round}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_journal_whose_name_is_gone_or_taken_still_serves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.partial");
        let mut journal = Journal::open(&path, &request(1), false).unwrap();
        assert!(journal.is_kept());
        journal.append(b"one").unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!journal.is_kept());
        journal.append(b"two").unwrap();
        fs::write(&path, "another's").unwrap();
        assert_eq!(all(&journal), [b"one", b"two"]);
        journal.append(b"three").unwrap();
        assert_eq!(all(&journal).len(), 3);
        journal.remove().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
    }

    #[test]
    fn a_beginning_that_was_cut_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.partial");
        drop(Journal::open(&path, &request(1), false).unwrap());
        let header = fs::read(&path).unwrap();
        for cut in 0..header.len() {
            fs::write(&path, &header[..cut]).unwrap();
            assert_eq!(Journal::open(&path, &request(1), false).unwrap().n_blocks(), 0);
            assert_eq!(fs::read(&path).unwrap(), header);
        }
    }
}
