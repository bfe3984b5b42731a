//! The filters of stored chunks, done here because libhdf5 does them under its lock, on one core, with zlib, and would
//! need plugins for those that it has not built in.

use std::io::Read;

use hdf5::filters::Filter;
use libdeflater::{CompressionLvl, Compressor, Decompressor};

use super::bit_shuffle::BitShuffle;
use super::blosc;
use super::element::ByteOrder;

/// What is wrong with the bytes, in words; the data set is named where it is known.
pub(super) type Parsed<T> = Result<T, String>;

/// Filters by the numbers under which they are registered with the HDF Group.
const BZIP2: i32 = 307;
const BLOSC: i32 = 32001;
const LZ4: i32 = 32004;
const BIT_SHUFFLE: i32 = 32008;
const ZSTD: i32 = 32015;

/// Filters of a chunk in the order of writing: an optional byte shuffle, then compressors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pipeline {
    shuffle: bool,
    compressors: Vec<Compression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Deflate,
    Lzf,
    Bzip2,
    Lz4,
    Zstd,
    Blosc,
    BitShuffle(BitShuffle),
    /// Does not compress: a checksum after the data.
    Fletcher32,
}

/// The bytes of a chunk.
pub(super) struct Decoded<'d> {
    pub(super) bytes: &'d [u8],
    pub(super) order: ByteOrder,
}

/// Buffers and state that decoding reuses from chunk to chunk; one for each thread.
pub(super) struct Decoder {
    inflate: Decompressor,
    pub(super) stored: Vec<u8>,
    scratch: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { inflate: Decompressor::new(), stored: Vec::new(), scratch: Vec::new() }
    }
}

impl Pipeline {
    /// The pipeline of `filters`, or `None` where only libhdf5 can undo them.
    pub(super) fn understood(filters: &[Filter]) -> Option<Self> {
        let (shuffle, rest) = match filters {
            [Filter::Shuffle, rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let compressors = rest.iter().map(|filter| match filter {
            Filter::Deflate(_) => Some(Compression::Deflate),
            Filter::LZF => Some(Compression::Lzf),
            Filter::Fletcher32 => Some(Compression::Fletcher32),
            Filter::User(BZIP2, _) => Some(Compression::Bzip2),
            Filter::User(LZ4, _) => Some(Compression::Lz4),
            Filter::User(ZSTD, _) => Some(Compression::Zstd),
            Filter::User(BLOSC, _) => Some(Compression::Blosc),
            Filter::User(BIT_SHUFFLE, settings) => BitShuffle::of(settings).map(Compression::BitShuffle),
            _ => None,
        });
        Some(Self { shuffle, compressors: compressors.collect::<Option<_>>()? })
    }

    /// The most bytes that `n_bytes` of a chunk can sensibly take once stored.
    pub(super) fn max_stored(n_bytes: usize) -> usize {
        n_bytes + n_bytes / 64 + 4096
    }

    /// Undoes all but the shuffle of the chunk in `decoder.stored`, which leaves `n_bytes` bytes.
    ///
    /// Bit i of `mask` says that filter i was skipped when the chunk was written.
    pub(super) fn decode<'d>(
        &self,
        decoder: &'d mut Decoder,
        mask: u32,
        n_bytes: usize,
    ) -> Result<Decoded<'d>, String> {
        let skipped =
            |filter_idx: usize| mask.checked_shr(filter_idx as u32).is_some_and(|bits| bits & 1 == 1);
        let order = if self.shuffle && !skipped(0) { ByteOrder::Planes } else { ByteOrder::Elements };
        let Decoder { inflate, stored, scratch } = decoder;
        for (i, compression) in self.compressors.iter().enumerate().rev() {
            if skipped(i + usize::from(self.shuffle)) {
                continue;
            }
            match compression {
                Compression::Deflate => {
                    // A checksum may still follow the data.
                    scratch.resize(n_bytes + 4, 0);
                    let n = inflate
                        .zlib_decompress(stored, scratch)
                        .map_err(|e| format!("damaged gzip data ({e})"))?;
                    scratch.truncate(n);
                }
                Compression::Fletcher32 => {
                    check_fletcher32(stored)?;
                    continue;
                }
                Compression::Lzf => {
                    *scratch = lzf::decompress(stored, n_bytes + 4)
                        .map_err(|e| format!("damaged lzf data ({e})"))?;
                }
                Compression::Bzip2 => {
                    scratch.clear();
                    let packed = bzip2::read::BzDecoder::new(&stored[..]);
                    packed
                        .take(n_bytes as u64 + 5)
                        .read_to_end(scratch)
                        .map_err(|e| format!("damaged bzip2 data ({e})"))?;
                }
                Compression::Lz4 => {
                    lz4_blocks(stored, n_bytes, scratch).map_err(|e| format!("damaged LZ4 data ({e})"))?;
                }
                Compression::Zstd => {
                    scratch.resize(n_bytes, 0);
                    inflate_zstd(stored, scratch).map_err(|e| format!("damaged Zstandard data ({e})"))?;
                }
                Compression::Blosc => {
                    blosc::decompress(inflate, stored, n_bytes, scratch)
                        .map_err(|e| format!("damaged Blosc data ({e})"))?;
                }
                Compression::BitShuffle(filter) => {
                    filter
                        .undo(stored, n_bytes, scratch)
                        .map_err(|e| format!("damaged Bitshuffle data ({e})"))?;
                }
            }
            std::mem::swap(stored, scratch);
        }
        if stored.len() != n_bytes {
            return Err(format!("{} bytes after decompression instead of {n_bytes}", stored.len()));
        }
        Ok(Decoded { bytes: stored, order })
    }
}

/// The LZ4 filter: the length and that of a block, then the blocks, each behind its compressed length.
///
/// # Reference
/// `H5Zlz4.c` of the HDF5 external filter plugins.
fn lz4_blocks(stored: &[u8], n_bytes: usize, out: &mut Vec<u8>) -> Parsed<()> {
    let (header, mut rest) = stored.split_at_checked(12).ok_or("a header that ends early")?;
    let told = u64::from_be_bytes(std::array::from_fn(|k| header[k]));
    let block = u32::from_be_bytes(std::array::from_fn(|k| header[8 + k])) as usize;
    if told != n_bytes as u64 || block == 0 {
        return Err(format!("a header of {told} bytes in blocks of {block}"));
    }
    out.resize(n_bytes, 0);
    for part in out.chunks_mut(block) {
        let (size, behind) = rest.split_at_checked(4).ok_or("blocks that end early")?;
        let size = u32::from_be_bytes(std::array::from_fn(|k| size[k])) as usize;
        let (packed, behind) = behind.split_at_checked(size).ok_or("blocks that end early")?;
        if size == part.len() {
            part.copy_from_slice(packed);
        } else {
            inflate_lz4(packed, part)?;
        }
        rest = behind;
    }
    Ok(())
}

/// Fills `out` with one LZ4 block.
pub(super) fn inflate_lz4(packed: &[u8], out: &mut [u8]) -> Parsed<()> {
    match lz4_flex::block::decompress_into(packed, out) {
        Ok(n) if n == out.len() => Ok(()),
        Ok(n) => Err(format!("{n} bytes instead of {}", out.len())),
        Err(e) => Err(e.to_string()),
    }
}

/// Fills `out` with one Zstandard frame.
pub(super) fn inflate_zstd(packed: &[u8], out: &mut [u8]) -> Parsed<()> {
    let mut stream = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|e| e.to_string())?;
    stream.read_exact(out).map_err(|e| e.to_string())?;
    match stream.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(format!("more than {} bytes", out.len())),
        Err(e) => Err(e.to_string()),
    }
}

/// Removes the four bytes of checksum at the end of `stored` if they are right.
fn check_fletcher32(stored: &mut Vec<u8>) -> Result<(), String> {
    let n_bytes = stored.len().checked_sub(4).ok_or("too few bytes for a checksum")?;
    let told = u32::from_le_bytes(std::array::from_fn(|k| stored[n_bytes + k]));
    stored.truncate(n_bytes);
    let sum = fletcher32(stored);
    // libhdf5 before 1.6.3 wrote the two halves with their bytes swapped.
    let swapped = ((sum & 0x00ff_00ff) << 8) | ((sum & 0xff00_ff00) >> 8);
    if told == sum || told == swapped { Ok(()) } else { Err("a wrong Fletcher-32 checksum".to_owned()) }
}

/// Fletcher's checksum of big-endian 16-bit words, as HDF5 computes it.
fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut sum1, mut sum2) = (0_u32, 0_u32);
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    // 360 words are as many as the sums hold without overflow.
    for block in bytes.chunks(720) {
        let (words, rest) = block.as_chunks::<2>();
        let rest = rest.first().map(|byte| [*byte, 0]);
        for word in words.iter().copied().chain(rest) {
            sum1 += u32::from(u16::from_be_bytes(word));
            sum2 += sum1;
        }
        (sum1, sum2) = (fold(sum1), fold(sum2));
    }
    (fold(sum2) << 16) | fold(sum1)
}

/// Deflates chunks; one for each thread.
pub(super) struct Encoder {
    deflate: Option<Compressor>,
    shuffled: Vec<u8>,
}

impl Encoder {
    /// An encoder for gzip `level` 1 to 9, or 0 for plain storage.
    pub(super) fn new(level: u8) -> Self {
        let deflate =
            (level > 0).then(|| Compressor::new(CompressionLvl::new(i32::from(level)).unwrap_or_default()));
        Self { deflate, shuffled: Vec::new() }
    }

    /// `bytes` as they are stored: shuffled by `element_size` where `shuffle` says so, then deflated.
    pub(super) fn encode(
        &mut self,
        bytes: &[u8],
        element_size: usize,
        shuffle: bool,
    ) -> Result<Vec<u8>, String> {
        let Some(deflate) = &mut self.deflate else { return Ok(bytes.to_vec()) };
        let input = if shuffle {
            shuffle_into(bytes, element_size, &mut self.shuffled);
            &self.shuffled
        } else {
            bytes
        };
        let mut stored = vec![0; deflate.zlib_compress_bound(input.len())];
        let n = deflate.zlib_compress(input, &mut stored).map_err(|e| format!("cannot compress: {e}"))?;
        stored.truncate(n);
        Ok(stored)
    }
}

/// Byte k of every element side by side, for each k: what HDF5 calls shuffling.
fn shuffle_into(bytes: &[u8], element_size: usize, out: &mut Vec<u8>) {
    out.resize(bytes.len(), 0);
    let n_elements = bytes.len() / element_size;
    match element_size {
        4 => shuffle_fixed::<4>(bytes, n_elements, out),
        8 => shuffle_fixed::<8>(bytes, n_elements, out),
        _ => {
            for (i, element) in bytes.chunks_exact(element_size).enumerate() {
                for (k, byte) in element.iter().enumerate() {
                    out[k * n_elements + i] = *byte;
                }
            }
        }
    }
}

fn shuffle_fixed<const SIZE: usize>(bytes: &[u8], n_elements: usize, out: &mut [u8]) {
    let (elements, _) = bytes.as_chunks::<SIZE>();
    for (k, plane) in out.chunks_exact_mut(n_elements.max(1)).enumerate().take(SIZE) {
        for (byte, element) in plane.iter_mut().zip(elements) {
            *byte = element[k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_chunks_decode_to_the_same_bytes() {
        let bytes: Vec<u8> = (0..4000_u32).flat_map(|i| (i / 7).to_ne_bytes()).collect();
        let pipeline = Pipeline::understood(&[Filter::Shuffle, Filter::Deflate(4)]).unwrap();
        let mut decoder =
            Decoder { stored: Encoder::new(4).encode(&bytes, 4, true).unwrap(), ..Decoder::default() };
        assert!(decoder.stored.len() < bytes.len() / 4);
        let decoded = pipeline.decode(&mut decoder, 0, bytes.len()).unwrap();
        assert_eq!(decoded.order, ByteOrder::Planes);
        let mut shuffled = Vec::new();
        shuffle_into(&bytes, 4, &mut shuffled);
        assert_eq!(decoded.bytes, shuffled);
    }

    #[test]
    fn a_wrong_size_and_damage_are_errors() {
        let bytes = vec![7; 4000];
        let pipeline = Pipeline::understood(&[Filter::Deflate(4)]).unwrap();
        let stored = Encoder::new(4).encode(&bytes, 4, false).unwrap();
        for (n_bytes, damage) in [(3999, 0), (4001, 0), (4000, 0xff)] {
            let mut decoder = Decoder { stored: stored.clone(), ..Decoder::default() };
            decoder.stored[3] ^= damage;
            assert!(pipeline.decode(&mut decoder, 0, n_bytes).is_err());
        }
    }

    #[test]
    fn skipped_filters_are_skipped() {
        let pipeline = Pipeline::understood(&[Filter::Shuffle, Filter::LZF]).unwrap();
        let mut decoder = Decoder { stored: vec![1, 2, 3, 4], ..Decoder::default() };
        let decoded = pipeline.decode(&mut decoder, 0b11, 4).unwrap();
        assert_eq!((decoded.bytes, decoded.order), (&[1, 2, 3, 4][..], ByteOrder::Elements));
    }

    #[test]
    fn compressors_of_plugins_refuse_what_does_not_agree() {
        let words = "damaged";
        for id in [BZIP2, LZ4, ZSTD, BLOSC, BIT_SHUFFLE] {
            let pipeline = Pipeline::understood(&[Filter::User(id, vec![0, 4, 4, 0, 2])]).unwrap();
            for stored in [vec![], vec![0; 4], vec![0xff; 64], vec![0; 64]] {
                let mut decoder = Decoder { stored, ..Decoder::default() };
                let problem = pipeline.decode(&mut decoder, 0, 256).err().unwrap();
                assert!(problem.contains(words) || problem.contains("instead of"), "{id}: {problem}");
            }
        }
    }
}
