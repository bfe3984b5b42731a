//! Bits of numbers side by side: what the filters Bitshuffle and Blosc do before they compress.
//!
//! # Reference
//! K. Masui et al., "A compression scheme for radio data in high performance computing", Astronomy and Computing 12
//! (2015) 181; the file format is that of the HDF5 filter 32008 (`bshuf_h5filter.c`).

use super::filter::{Parsed, inflate_lz4, inflate_zstd};

/// Bytes of a block where the filter is told none.
const BLOCK_BYTES: usize = 8192;
/// Fewest elements of such a block.
const MIN_BLOCK: usize = 128;
/// Bytes in front of compressed blocks: those of the data and those of a block.
const HEADER: usize = 12;

/// What compresses the blocks once their bits are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    Nothing,
    Lz4,
    Zstd,
}

/// The filter's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitShuffle {
    element_bytes: usize,
    /// Elements of a block.
    block: usize,
    inner: Inner,
}

impl BitShuffle {
    /// From the numbers that a data set keeps for the filter: version (2), bytes of an element, elements of a block,
    /// compression.
    pub(super) fn of(settings: &[u32]) -> Option<Self> {
        let element_bytes = *settings.get(2)? as usize;
        if !(1..=256).contains(&element_bytes) {
            return None;
        }
        let block = match settings.get(3).copied().unwrap_or(0) as usize {
            0 => (BLOCK_BYTES / element_bytes / 8 * 8).max(MIN_BLOCK),
            block => block,
        };
        let inner = match settings.get(4).copied().unwrap_or(0) {
            0 => Inner::Nothing,
            2 => Inner::Lz4,
            3 => Inner::Zstd,
            _ => return None,
        };
        (block % 8 == 0).then_some(Self { element_bytes, block, inner })
    }

    /// Undoes the filter on `stored`; `out` gets the `n_bytes` bytes that there were.
    pub(super) fn undo(&self, stored: &[u8], n_bytes: usize, out: &mut Vec<u8>) -> Parsed<()> {
        out.clear();
        let Self { element_bytes, inner, .. } = *self;
        let (mut rest, block) = if inner == Inner::Nothing {
            (stored, self.block * element_bytes)
        } else {
            let (header, rest) = stored.split_at_checked(HEADER).ok_or("a header that ends early")?;
            let told = u64::from_be_bytes(std::array::from_fn(|k| header[k]));
            let block = u32::from_be_bytes(std::array::from_fn(|k| header[8 + k])) as usize;
            if told != n_bytes as u64 || block == 0 || !block.is_multiple_of(8 * element_bytes) {
                return Err(format!("a header of {told} bytes in blocks of {block}"));
            }
            (rest, block)
        };
        let n_elements = n_bytes / element_bytes;
        let mut left = n_elements / 8 * 8 * element_bytes;
        let mut plain = Vec::new();
        while left > 0 {
            let n = left.min(block);
            let shuffled = match inner {
                Inner::Nothing => take(&mut rest, n)?,
                Inner::Lz4 | Inner::Zstd => {
                    let size = take(&mut rest, 4)?;
                    let size = u32::from_be_bytes(std::array::from_fn(|k| size[k])) as usize;
                    let packed = take(&mut rest, size)?;
                    plain.resize(n, 0);
                    if inner == Inner::Lz4 {
                        inflate_lz4(packed, &mut plain)?;
                    } else {
                        inflate_zstd(packed, &mut plain)?;
                    }
                    &plain[..]
                }
            };
            unshuffle(shuffled, element_bytes, out);
            left -= n;
        }
        // The last elements, fewer than eight, stand as they were.
        let tail = n_bytes - out.len();
        out.extend_from_slice(take(&mut rest, tail)?);
        Ok(())
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Parsed<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(n).ok_or("blocks that end early")?;
    *rest = behind;
    Ok(taken)
}

/// Appends the elements whose bits lie plane after plane in `shuffled`, a multiple of eight of them.
pub(super) fn unshuffle(shuffled: &[u8], element_bytes: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + shuffled.len(), 0);
    let out = &mut out[start..];
    // Bytes of a plane: one bit of each element.
    let plane = shuffled.len() / element_bytes / 8;
    for byte in 0..element_bytes {
        for eight in 0..plane {
            let bits = std::array::from_fn(|bit| shuffled[(byte * 8 + bit) * plane + eight]);
            for (i, value) in transpose(u64::from_le_bytes(bits)).to_le_bytes().into_iter().enumerate() {
                out[(eight * 8 + i) * element_bytes + byte] = value;
            }
        }
    }
}

/// The transposed matrix of 8 x 8 bits, by swapping ever larger squares.
fn transpose(mut bits: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swapped = (bits ^ (bits >> shift)) & mask;
        bits ^= swapped ^ (swapped << shift);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, bit by bit.
    fn shuffle(elements: &[u8], element_bytes: usize) -> Vec<u8> {
        let n = elements.len() / element_bytes;
        let mut planes = vec![0; elements.len()];
        for i in 0..n {
            for bit in 0..8 * element_bytes {
                let value = elements[i * element_bytes + bit / 8] >> (bit % 8) & 1;
                planes[bit * (n / 8) + i / 8] |= value << (i % 8);
            }
        }
        planes
    }

    #[test]
    fn bits_come_back_to_their_elements() {
        for element_bytes in [1, 2, 3, 4, 8] {
            let elements: Vec<u8> =
                (0..40 * element_bytes as u32).map(|i| (i * i * 37 + i * 11) as u8).collect();
            let mut out = vec![9];
            unshuffle(&shuffle(&elements, element_bytes), element_bytes, &mut out);
            assert_eq!(&out[1..], elements, "{element_bytes}");
        }
    }

    #[test]
    fn lengths_that_do_not_agree_are_refused() {
        let filter = BitShuffle::of(&[0, 4, 4, 0, 2]).unwrap();
        let mut out = Vec::new();
        for stored in [&b""[..], &[0; 12], &[0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 32, 0, 0xff, 0xff, 0xff, 0xff]] {
            assert!(filter.undo(stored, 64, &mut out).is_err());
        }
        assert!(BitShuffle::of(&[0, 4, 0, 0, 2]).is_none() && BitShuffle::of(&[0, 4, 4, 0, 9]).is_none());
    }
}
