//! Damage: one of the ways in which a file gets broken, drawn from a seeded stream.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Strings that mark structure in HDF5 and ROOT files; damage near them reaches the code that trusts the file.
const LANDMARKS: &[&[u8]] = &[
    b"TREE", b"SNOD", b"HEAP", b"OHDR", b"OCHK", b"GCOL", b"FRHP", b"BTHD", b"FADB", b"EADB", b"root",
    b"TTree", b"TBranch", b"TBasket", b"TLeaf", b"TList", b"TKey", b"energy", b"layers", b"showers",
    b"scene", b"mcpdg",
];

/// Numbers that readers get wrong: sizes, counts and offsets at the limits of their types.
const EXTREMES: &[u64] = &[
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_ffff_fffe,
];

/// Words that a hand-edited text file may hold where something else belongs.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e308",
    "nan",
    "inf",
    "-inf",
    "99999999999",
    "9223372036854775807",
    "18446744073709551616",
    "1000000",
    "\"\"",
    "[]",
    "{}",
    "true",
    "= =",
    "[[grid]]",
    "\n[grid]\n",
    "\u{0}",
    "µ",
    "1979-05-27",
];

/// Damages `bytes` in one to four places of a binary file.
pub(crate) fn binary(bytes: &mut Vec<u8>, landmarks: &[usize], rng: &mut ChaCha8Rng) {
    let rounds = if rng.random_bool(0.7) { 1 } else { rng.random_range(2..=4) };
    for _ in 0..rounds {
        if bytes.is_empty() {
            return;
        }
        let at = position(bytes.len(), landmarks, rng);
        match rng.random_range(0..100) {
            0..25 => bytes[at] = rng.random(),
            25..45 => bytes[at] ^= 1 << rng.random_range(0..8),
            45..65 => put_extreme(bytes, at, rng),
            65..73 => zero_range(bytes, at, rng),
            73..81 => swap_blocks(bytes, at, rng),
            81..87 => insert_or_remove(bytes, at, rng),
            _ => bytes.truncate(at),
        }
    }
}

/// Damages `bytes` in one to three places of a text file.
pub(crate) fn text(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..=3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..100) {
            0..15 => bytes[at] = rng.random(),
            15..25 => bytes[at] ^= 1 << rng.random_range(0..8),
            25..65 => replace_value(bytes, at, rng),
            65..75 => remove_line(bytes, at),
            75..82 => swap_blocks(bytes, at, rng),
            82..90 => insert_or_remove(bytes, at, rng),
            90..95 => zero_range(bytes, at, rng),
            _ => bytes.truncate(at),
        }
    }
}

/// Where the structure of `bytes` shows: see [`LANDMARKS`].
pub(crate) fn find_landmarks(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| LANDMARKS.iter().any(|mark| bytes[at..].starts_with(mark))).collect()
}

/// Half of all damage goes near landmarks, a quarter to the first kilobytes, the rest anywhere.
fn position(len: usize, landmarks: &[usize], rng: &mut ChaCha8Rng) -> usize {
    let at = match rng.random_range(0..4) {
        0 | 1 if !landmarks.is_empty() => {
            landmarks[rng.random_range(0..landmarks.len())] + rng.random_range(0..160)
        }
        2 => rng.random_range(0..len.min(3072)),
        _ => rng.random_range(0..len),
    };
    at.min(len - 1)
}

fn put_extreme(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    let value = EXTREMES[rng.random_range(0..EXTREMES.len())];
    let width = [1, 2, 4, 8][rng.random_range(0..4)];
    // HDF5 writes its numbers little endian, ROOT big endian.
    let ordered = if rng.random() { value.to_le_bytes() } else { (value << (64 - 8 * width)).to_be_bytes() };
    let end = bytes.len().min(at + width);
    bytes[at..end].copy_from_slice(&ordered[..end - at]);
}

fn zero_range(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    let end = bytes.len().min(at + rng.random_range(1..=512));
    bytes[at..end].fill(0);
}

fn swap_blocks(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    let other = rng.random_range(0..bytes.len());
    let (first, second) = (at.min(other), at.max(other));
    let len = rng.random_range(1..=256).min(second - first).min(bytes.len() - second);
    let (head, tail) = bytes.split_at_mut(second);
    head[first..first + len].swap_with_slice(&mut tail[..len]);
}

fn insert_or_remove(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let n = rng.random_range(1..=16);
    if rng.random() {
        let inserted: Vec<u8> = (0..n).map(|_| rng.random()).collect();
        bytes.splice(at..at, inserted);
    } else {
        bytes.drain(at..bytes.len().min(at + n));
    }
}

/// Replaces the word around `at` by one of [`WORDS`].
fn replace_value(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-".contains(byte);
    let start = bytes[..at].iter().rposition(|byte| !is_word(byte)).map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|byte| !is_word(byte)).map_or(bytes.len(), |after| at + after);
    let word = WORDS[rng.random_range(0..WORDS.len())];
    bytes.splice(start..end.max(start), word.bytes());
}

fn remove_line(bytes: &mut Vec<u8>, at: usize) {
    let start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |after| at + after + 1);
    bytes.drain(start..end);
}
