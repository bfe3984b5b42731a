//! Chunks compressed by Blosc (filter 32001): blocks of shuffled bytes or bits, each compressed by one of five methods.
//!
//! # Reference
//! `README_CHUNK_FORMAT.rst` of c-blosc 1.21, and its `blosclz.c`.

use libdeflater::Decompressor;

use super::bit_shuffle;
use super::filter::{Parsed, inflate_lz4, inflate_zstd};

/// Bytes in front of the blocks' positions.
const HEADER: usize = 16;
const BYTE_SHUFFLE: u8 = 1;
const COPIED: u8 = 1 << 1;
const BIT_SHUFFLE: u8 = 1 << 2;
const NOT_SPLIT: u8 = 1 << 4;
/// Longer elements are not split, nor are blocks of fewer of them.
const MAX_SPLITS: usize = 16;
const MIN_SPLIT: usize = 128;
/// Distances of blosclz beyond this have 16 bits more.
const NEAR: usize = 8191;

/// The `n_bytes` bytes that `stored` was made from.
pub(super) fn decompress(
    inflate: &mut Decompressor,
    stored: &[u8],
    n_bytes: usize,
    out: &mut Vec<u8>,
) -> Parsed<()> {
    let header = stored.get(..HEADER).ok_or("a header that ends early")?;
    let number = |at: usize| number(stored, at);
    let (flags, element_bytes) = (header[2], usize::from(header[3]).max(1));
    let (told, block, packed) = (number(4)?, number(8)?, number(12)?);
    if told != n_bytes || packed > stored.len() {
        return Err(format!("{told} bytes in {packed}, instead of {n_bytes} in {}", stored.len()));
    }
    out.clear();
    if flags & COPIED != 0 {
        out.extend_from_slice(stored.get(HEADER..HEADER + n_bytes).ok_or("a copy that ends early")?);
        return Ok(());
    }
    if block == 0 && n_bytes > 0 {
        return Err("blocks of 0 bytes".to_owned());
    }
    let mut plain = Vec::new();
    for (i, from) in (0..n_bytes).step_by(block.max(1)).enumerate() {
        let size = block.min(n_bytes - from);
        let splits = flags & NOT_SPLIT == 0
            && element_bytes <= MAX_SPLITS
            && block / element_bytes >= MIN_SPLIT
            && size == block;
        let n_parts = if splits { element_bytes } else { 1 };
        let mut at = number(HEADER + 4 * i)?;
        plain.resize(size, 0);
        for part in plain.chunks_mut((size / n_parts).max(1)) {
            let n = number(at)?;
            let packed = at.checked_add(4).and_then(|at| stored.get(at..at.checked_add(n)?));
            part_of(inflate, flags >> 5, packed.ok_or("a block that ends early")?, part)?;
            at += 4 + n;
        }
        unshuffle(&plain, flags, element_bytes, out);
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Parsed<usize> {
    let four = at.checked_add(4).and_then(|end| bytes.get(at..end)).ok_or("numbers that end early")?;
    Ok(u32::from_le_bytes(std::array::from_fn(|k| four[k])) as usize)
}

/// One part of a block, compressed by `method`.
fn part_of(inflate: &mut Decompressor, method: u8, packed: &[u8], out: &mut [u8]) -> Parsed<()> {
    if packed.len() == out.len() {
        out.copy_from_slice(packed);
        return Ok(());
    }
    match method {
        0 => blosclz(packed, out),
        1 => inflate_lz4(packed, out),
        3 => match inflate.zlib_decompress(packed, out) {
            Ok(n) if n == out.len() => Ok(()),
            Ok(n) => Err(format!("{n} bytes instead of {}", out.len())),
            Err(e) => Err(e.to_string()),
        },
        4 => inflate_zstd(packed, out),
        2 => Err("Snappy within Blosc, which is not read".to_owned()),
        other => Err(format!("an unknown method {other} within Blosc")),
    }
}

/// Puts the bytes or bits of a block back into their elements.
fn unshuffle(plain: &[u8], flags: u8, element_bytes: usize, out: &mut Vec<u8>) {
    let n_elements = plain.len() / element_bytes;
    let (whole, tail) = plain.split_at(n_elements * element_bytes);
    if flags & BYTE_SHUFFLE != 0 && element_bytes > 1 {
        for i in 0..n_elements {
            out.extend((0..element_bytes).map(|k| whole[k * n_elements + i]));
        }
    } else if flags & BIT_SHUFFLE != 0 && n_elements.is_multiple_of(8) {
        bit_shuffle::unshuffle(whole, element_bytes, out);
    } else {
        out.extend_from_slice(whole);
    }
    out.extend_from_slice(tail);
}

/// Blosc's own method: runs of bytes, and copies of earlier ones.
fn blosclz(packed: &[u8], out: &mut [u8]) -> Parsed<()> {
    let mut input = packed.iter().map(|byte| usize::from(*byte));
    let mut next = || input.next().ok_or_else(|| "blosclz data that end early".to_owned());
    let mut at = 0;
    let mut control = next()? & 31;
    loop {
        if control < 32 {
            for _ in 0..=control {
                let byte = next()? as u8;
                *out.get_mut(at).ok_or("more blosclz data than a block has")? = byte;
                at += 1;
            }
        } else {
            let (mut length, far) = ((control >> 5) + 2, (control & 31) << 8);
            if control >> 5 == 7 {
                loop {
                    let more = next()?;
                    length += more;
                    if more != 255 {
                        break;
                    }
                }
            }
            let near = next()?;
            let mut distance = far + near + 1;
            if near == 255 && far == 31 << 8 {
                distance = (next()? << 8) + next()? + NEAR + 1;
            }
            if distance > at || length > out.len() - at {
                return Err("a copy from outside its block".to_owned());
            }
            for to in at..at + length {
                out[to] = out[to - distance];
            }
            at += length;
        }
        match next() {
            Ok(byte) => control = byte,
            Err(_) => break,
        }
    }
    if at == out.len() { Ok(()) } else { Err(format!("{at} bytes instead of {}", out.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_of_blosclz() {
        let mut out = [0; 12];
        // Three literals, a copy of nine bytes at distance 3: lengths above eight take a byte more.
        blosclz(&[2, b'a', b'b', b'c', 7 << 5, 0, 2], &mut out).unwrap();
        assert_eq!(&out, b"abcabcabcabc");
        for bad in [&b""[..], &[2, 1], &[0, 7, 1 << 5, 9], &[31; 40], &[0, 7]] {
            assert!(blosclz(bad, &mut out).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_that_do_not_agree_are_refused() {
        let mut out = Vec::new();
        let mut chunk = vec![2, 1, COPIED, 4, 8, 0, 0, 0, 8, 0, 0, 0, 24, 0, 0, 0];
        chunk.extend(*b"abcdefgh");
        let mut inflate = Decompressor::new();
        decompress(&mut inflate, &chunk, 8, &mut out).unwrap();
        assert_eq!(out, b"abcdefgh");
        assert!(decompress(&mut inflate, &chunk[..20], 8, &mut out).is_err());
        assert!(decompress(&mut inflate, &chunk, 9, &mut out).is_err());
        chunk[2] = 0;
        assert!(decompress(&mut inflate, &chunk, 8, &mut out).is_err());
        chunk[8..12].fill(0);
        assert!(decompress(&mut inflate, &chunk, 8, &mut out).is_err());
    }
}
