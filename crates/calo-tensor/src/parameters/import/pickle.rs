//! Unpickling by Candle, of bytes that cannot hurt it.
//!
//! Candle copies an object whenever it is remembered or recalled, nests boxes as deeply as it is told, and trusts
//! lengths: a file of a few hundred bytes can ask for all memory, or overflow the stack when the result is dropped. So
//! the op-codes are walked through before, with the size and depth of every object, but without the objects. On this
//! way, op-codes that Candle lacks are replaced: what no tensor needs becomes `None`.

use std::collections::HashMap;

use candle_core::pickle::{Object, Stack};

/// Objects made and copied, strings counted by 64 bytes. A tensor takes about a hundred; a million is some 100 MB.
const MAX_OBJECTS: u64 = 4_000_000;

/// Objects within one another; a checkpoint has about ten.
const MAX_DEPTH: u32 = 100;

/// The object pickled at the start of `bytes`, and how many bytes it takes; or what is wrong with them.
pub(super) fn load(bytes: &[u8]) -> Result<(Object, usize), String> {
    let mut walk =
        Walk { bytes, at: 0, out: Vec::new(), stack: Vec::new(), memo: HashMap::new(), n_objects: 0 };
    while walk.step()? {}
    let mut stack = Stack::empty();
    let object = stack.read_loop(&mut &walk.out[..]).and_then(|()| stack.finalize());
    // The first line: Candle's errors carry a backtrace.
    let object = object.map_err(|e| e.to_string().lines().next().unwrap_or_default().to_owned())?;
    Ok((object, walk.at))
}

/// What is known of an object without making it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    n_objects: u64,
    depth: u32,
    is_mark: bool,
}

impl Shape {
    fn leaf(n_bytes: usize) -> Self {
        Self { n_objects: 1 + n_bytes as u64 / 64, depth: 1, is_mark: false }
    }

    fn take_in(&mut self, other: Self) {
        self.n_objects = self.n_objects.saturating_add(other.n_objects);
        self.depth = self.depth.max(other.depth.saturating_add(1));
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The op-codes for Candle.
    out: Vec<u8>,
    stack: Vec<Shape>,
    memo: HashMap<u32, Shape>,
    n_objects: u64,
}

impl Walk<'_> {
    /// One op-code; whether there is another.
    fn step(&mut self) -> Result<bool, String> {
        let start = self.at;
        let code = self.byte()?;
        match code {
            // Integers of any length, and texts and bytes that Candle does not know.
            0x8a | 0x8b | b'U' | b'T' | b'C' | b'B' | 0x8c => self.replace(code, start)?,
            _ => {
                let more = self.known(code)?;
                self.out.extend_from_slice(&self.bytes[start..self.at]);
                return Ok(more);
            }
        }
        Ok(true)
    }

    /// An op-code that Candle may lack, which began at `start`.
    fn replace(&mut self, code: u8, start: usize) -> Result<(), String> {
        let is_short = matches!(code, 0x8a | b'U' | b'C' | 0x8c);
        let n_bytes = self.number(if is_short { 1 } else { 4 })? as usize;
        let content = self.skip(n_bytes)?.to_vec();
        match code {
            0x8a if n_bytes <= 8 => {
                self.out.extend_from_slice(&self.bytes[start..self.at]);
                self.push(Shape::leaf(0))
            }
            // Python 2 keeps names in strings of bytes.
            b'U' | b'T' | 0x8c => {
                let text = String::from_utf8_lossy(&content);
                self.out.push(b'X');
                self.out.extend((text.len() as u32).to_le_bytes());
                self.out.extend(text.as_bytes());
                self.push(Shape::leaf(text.len()))
            }
            // Seeds and states of generators: no tensor is made of them.
            _ => {
                self.out.push(b'N');
                self.push(Shape::leaf(0))
            }
        }
    }

    /// One op-code of those that Candle knows; whether there is another.
    fn known(&mut self, code: u8) -> Result<bool, String> {
        match code {
            b'.' => return Ok(false),
            0x80 => {
                self.skip(1)?;
            }
            b'c' => {
                let n_bytes = self.line()? + self.line()?;
                self.push(Shape::leaf(n_bytes))?;
            }
            b')' | b']' | b'}' | b'd' | b'N' | 0x88 | 0x89 => self.push(Shape::leaf(0))?,
            b'K' => self.push_number(1)?,
            b'M' => self.push_number(2)?,
            b'J' => self.push_number(4)?,
            b'G' => self.push_number(8)?,
            b'X' => {
                let n_bytes = self.number(4)? as usize;
                self.skip(n_bytes)?;
                self.push(Shape::leaf(n_bytes))?;
            }
            b'(' => self.push(Shape { is_mark: true, ..Shape::leaf(0) })?,
            b'q' => self.remember(1)?,
            b'r' => self.remember(4)?,
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b't' => {
                let parts = self.pop_to_mark()?;
                self.push_made_of(&parts)?;
            }
            b'Q' | 0x85 => self.push_made_of_last(1)?,
            b'R' | b'b' | 0x81 | 0x86 => self.push_made_of_last(2)?,
            0x87 => self.push_made_of_last(3)?,
            b'a' => self.add_last_to_container(1)?,
            b's' => self.add_last_to_container(2)?,
            b'e' | b'u' => {
                let parts = self.pop_to_mark()?;
                self.add_to_container(&parts)?;
            }
            other => {
                return Err(format!(
                    "holds the pickle op-code {other:#04x}, which is not known (protocols 0 to 2 are, as `torch.save` \
                     writes them)"
                ));
            }
        }
        Ok(true)
    }

    fn skip(&mut self, n: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("is truncated within its pickled part")?;
        let skipped = &self.bytes[self.at..end];
        self.at = end;
        Ok(skipped)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.skip(1)?.first().copied().unwrap_or_default())
    }

    /// A little-endian number of up to 4 bytes.
    fn number(&mut self, n: usize) -> Result<u32, String> {
        Ok(self.skip(n)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn line(&mut self) -> Result<usize, String> {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n');
        let length = length.ok_or("is truncated within its pickled part")?;
        self.skip(length + 1)?;
        Ok(length)
    }

    fn push(&mut self, shape: Shape) -> Result<(), String> {
        self.count(shape)?;
        self.stack.push(shape);
        Ok(())
    }

    fn push_number(&mut self, n_bytes: usize) -> Result<(), String> {
        self.skip(n_bytes)?;
        self.push(Shape::leaf(0))
    }

    fn count(&mut self, shape: Shape) -> Result<(), String> {
        self.n_objects = self.n_objects.saturating_add(shape.n_objects);
        if self.n_objects > MAX_OBJECTS || shape.depth > MAX_DEPTH {
            return Err(format!("pickles more than {MAX_OBJECTS} objects or nests them {MAX_DEPTH} deep"));
        }
        Ok(())
    }

    fn remember(&mut self, n_bytes: usize) -> Result<(), String> {
        let id = self.number(n_bytes)?;
        let shape = *self.stack.last().ok_or("pickles an object that is not there")?;
        self.count(shape)?;
        self.memo.insert(id, shape);
        Ok(())
    }

    fn recall(&mut self, n_bytes: usize) -> Result<(), String> {
        let id = self.number(n_bytes)?;
        let shape = *self.memo.get(&id).ok_or("pickles an object that is not there")?;
        self.push(shape)
    }

    fn pop(&mut self, n: usize) -> Result<Vec<Shape>, String> {
        let start = self.stack.len().checked_sub(n).ok_or("pickles an object that is not there")?;
        Ok(self.stack.split_off(start))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Shape>, String> {
        let mark = self.stack.iter().rposition(|shape| shape.is_mark);
        let parts = self.stack.split_off(mark.ok_or("pickles the end of a list without its start")? + 1);
        self.stack.pop();
        Ok(parts)
    }

    fn push_made_of(&mut self, parts: &[Shape]) -> Result<(), String> {
        let mut made = Shape::leaf(0);
        parts.iter().for_each(|part| made.take_in(*part));
        // Its parts were counted when they were made.
        self.count(Shape { n_objects: 1, ..made })?;
        self.stack.push(made);
        Ok(())
    }

    fn push_made_of_last(&mut self, n: usize) -> Result<(), String> {
        let parts = self.pop(n)?;
        self.push_made_of(&parts)
    }

    fn add_last_to_container(&mut self, n: usize) -> Result<(), String> {
        let parts = self.pop(n)?;
        self.add_to_container(&parts)
    }

    fn add_to_container(&mut self, parts: &[Shape]) -> Result<(), String> {
        let container = self.stack.last_mut().ok_or("pickles an object that is not there")?;
        parts.iter().for_each(|part| container.take_in(*part));
        let grown = Shape { n_objects: 0, ..*container };
        self.count(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        load(bytes).map(|(object, _)| object).unwrap_err()
    }

    #[test]
    fn what_would_hurt_is_refused_before() {
        // Each tuple holds the one before twice: 2^40 objects from 300 bytes.
        let mut doubling = b"\x80\x02)".to_vec();
        for i in 0..40 {
            doubling.extend([b'q', i, b'h', i, 0x86]);
        }
        doubling.push(b'.');
        assert!(problem(&doubling).contains("more than"), "{}", problem(&doubling));
        // So deep that dropping it overflows the stack.
        let deep = [b")".to_vec(), vec![0x85; 1_000_000], b".".to_vec()].concat();
        assert!(problem(&deep).contains("100 deep"));
        assert!(problem(b"X\xff\xff\xff\xffabc.").contains("truncated"));
        assert!(problem(b"\x8a\xff.").contains("truncated"));
        assert!(
            problem(b"U\xffab.").contains("truncated")
                && problem(b"\x8b\xff\xff\xff\xff.").contains("truncated")
        );
        assert!(problem(b"\x95.").contains("0x95"));
        for empty in [&b"."[..], b"R.", b"h\x01.", b"t.", b"a.", b"Na.", b"((u.", b"}(Nu.", b"cab.", b""] {
            problem(empty);
        }
    }

    #[test]
    fn what_candle_lacks_is_replaced() {
        // {"w": a number of nine bytes, "v": 7}, with a name as Python 2 writes it.
        let wide = b"\x80\x02}(U\x01w\x8a\x09\x01\0\0\0\0\0\0\x80\0U\x01v\x8a\x01\x07u.";
        let (object, n_bytes) = load(wide).unwrap();
        assert_eq!(n_bytes, wide.len());
        let Object::Dict(entries) = object else { panic!("{object:?}") };
        let entry = |name: &str| {
            let found = entries.iter().find(|(key, _)| *key == Object::Unicode(name.to_owned()));
            found.map(|(_, value)| value.clone())
        };
        assert_eq!((entry("w"), entry("v")), (Some(Object::None), Some(Object::Long(7))));
    }

    #[test]
    fn the_length_is_that_of_one_object() {
        let (object, n_bytes) = load(b"\x80\x02K\x07.rest").unwrap();
        assert_eq!((object, n_bytes), (Object::Int(7), 5));
    }
}
