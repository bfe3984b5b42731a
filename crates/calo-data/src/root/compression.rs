//! ROOT's compressed records: blocks of at most 16 MiB, each with its own header.

use std::io::Read;

use super::bytes::Parsed;

/// Most bytes of a block before compression: sizes have three bytes.
const MAX_BLOCK_BYTES: usize = (1 << 24) - 1;
/// Magic, method, compressed and uncompressed size.
const BLOCK_HEADER: usize = 9;
/// LZ4 blocks start with a checksum.
const LZ4_CHECKSUM: usize = 8;
/// No record may grow beyond this: a damaged size must not take the machine's memory.
pub(super) const MAX_RECORD_BYTES: usize = 128 << 20;

/// Inflates `packed` to exactly `n` bytes; a record that is not compressed is copied.
///
/// # Errors
/// Unknown or unsupported methods and sizes that do not agree, all before memory is taken for them.
pub(super) fn decompress(packed: &[u8], n: usize) -> Parsed<Vec<u8>> {
    if packed.len() >= n {
        return Ok(packed[..n].to_vec());
    }
    if n > MAX_RECORD_BYTES {
        return Err(format!("a record of {n} bytes, more than the {MAX_RECORD_BYTES} that are accepted"));
    }
    let announced: usize =
        blocks(packed).try_fold(0, |sum: usize, block| Ok::<_, String>(sum + block?.n_out))?;
    if announced != n {
        return Err(format!("compressed blocks of {announced} bytes in a record of {n}"));
    }
    let mut out = Vec::with_capacity(n);
    for block in blocks(packed) {
        inflate(&block?, &mut out)?;
    }
    Ok(out)
}

/// `plain` as zlib blocks at `level` 1 to 9; as it is where that saves nothing, or at level 0.
pub(super) fn compress(plain: &[u8], level: u8) -> Vec<u8> {
    let Some(level) = libdeflater::CompressionLvl::new(i32::from(level)).ok().filter(|_| level > 0) else {
        return plain.to_vec();
    };
    let mut compressor = libdeflater::Compressor::new(level);
    let mut packed = Vec::with_capacity(plain.len() / 2);
    for block in plain.chunks(MAX_BLOCK_BYTES) {
        let from = packed.len() + BLOCK_HEADER;
        packed.resize(from + compressor.zlib_compress_bound(block.len()), 0);
        let n = match compressor.zlib_compress(block, &mut packed[from..]) {
            Ok(n) if n <= MAX_BLOCK_BYTES => n,
            _ => return plain.to_vec(),
        };
        packed.truncate(from + n);
        let size = |n: usize| [(n & 255) as u8, (n >> 8 & 255) as u8, (n >> 16) as u8];
        let header = &mut packed[from - BLOCK_HEADER..from];
        header[..3].copy_from_slice(b"ZL\x08");
        header[3..6].copy_from_slice(&size(n));
        header[6..].copy_from_slice(&size(block.len()));
    }
    if packed.len() < plain.len() { packed } else { plain.to_vec() }
}

struct Block<'a> {
    method: [u8; 2],
    payload: &'a [u8],
    n_out: usize,
}

fn blocks(mut packed: &[u8]) -> impl Iterator<Item = Parsed<Block<'_>>> {
    std::iter::from_fn(move || {
        if packed.is_empty() {
            return None;
        }
        let short = || Err("a compressed block that ends early".to_owned());
        let Some((header, rest)) = packed.split_at_checked(BLOCK_HEADER) else {
            packed = &[];
            return Some(short());
        };
        let size = |i: usize| {
            usize::from(header[i]) | usize::from(header[i + 1]) << 8 | usize::from(header[i + 2]) << 16
        };
        let Some((payload, rest)) = rest.split_at_checked(size(3)) else {
            packed = &[];
            return Some(short());
        };
        packed = rest;
        Some(Ok(Block { method: [header[0], header[1]], payload, n_out: size(6) }))
    })
}

/// Appends one block's content to `out`.
fn inflate(block: &Block<'_>, out: &mut Vec<u8>) -> Parsed<()> {
    let from = out.len();
    out.resize(from + block.n_out, 0);
    let target = &mut out[from..];
    let n_out = match &block.method {
        b"ZL" => libdeflater::Decompressor::new()
            .zlib_decompress(block.payload, target)
            .map_err(|e| format!("zlib block: {e}"))?,
        b"L4" => {
            let payload = block.payload.get(LZ4_CHECKSUM..).ok_or("an LZ4 block without its checksum")?;
            lz4_flex::block::decompress_into(payload, target).map_err(|e| format!("LZ4 block: {e}"))?
        }
        b"ZS" => {
            let mut stream = ruzstd::decoding::StreamingDecoder::new(block.payload)
                .map_err(|e| format!("Zstandard block: {e}"))?;
            stream.read_exact(target).map_err(|e| format!("Zstandard block: {e}"))?;
            block.n_out
        }
        b"XZ" => {
            let mut free = &mut *target;
            lzma_rs::xz_decompress(&mut &block.payload[..], &mut free)
                .map_err(|e| format!("LZMA block: {e:?}"))?;
            let n_free = free.len();
            block.n_out - n_free
        }
        b"CS" => return Err("compression of ROOT 3, which is not read (hadd makes a copy)".to_owned()),
        [a, b] => return Err(format!("unknown compression {a:#04x}{b:02x}")),
    };
    if n_out != block.n_out {
        return Err(format!("a block of {n_out} bytes that announced {}", block.n_out));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zlib_block(content: &[u8]) -> Vec<u8> {
        compress(content, 6)
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let long: Vec<u8> = (0..40_000_000_u32).map(|i| (i / 1000) as u8).collect();
        for content in [&long[..], &long[..1], &[], b"abcdefgh"] {
            for level in [0, 1, 9] {
                let packed = compress(content, level);
                assert!(packed.len() <= content.len());
                assert!(decompress(&packed, content.len()).unwrap() == content, "level {level}");
            }
        }
    }

    #[test]
    fn several_blocks_make_one_record() {
        let packed = [zlib_block(&[7; 5000]), zlib_block(&[9; 3000])].concat();
        let record = decompress(&packed, 8000).unwrap();
        assert_eq!((record.len(), record[4999], record[5000]), (8000, 7, 9));
    }

    #[test]
    fn a_size_that_does_not_agree_is_refused() {
        let packed = zlib_block(&[7; 5000]);
        assert!(decompress(&packed, 5001).is_err());
        assert!(decompress(&packed, usize::MAX).unwrap_err().contains("accepted"));
        assert!(decompress(&packed[..packed.len() - 1], 5000).is_err());
    }

    #[test]
    fn an_uncompressed_record_is_copied() {
        assert_eq!(decompress(b"abc", 3).unwrap(), b"abc");
    }
}
