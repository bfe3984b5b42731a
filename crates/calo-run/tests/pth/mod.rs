//! Checkpoints as `torch.save(model.state_dict(), ...)` writes them: a zip archive with a pickle (protocol 2) and the
//! numbers of each tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use calo_nn::candle::Tensor;
use zip::write::SimpleFileOptions;

/// Writes `tensors`, `prefix` before their names.
pub(crate) fn write(path: &Path, tensors: &BTreeMap<String, Tensor>, prefix: &str) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut entry = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("archive/{name}"), stored).unwrap();
        archive.write_all(bytes).unwrap();
    };
    entry("data.pkl", &pickle(tensors, prefix));
    entry("version", b"3\n");
    for (key, tensor) in tensors.values().enumerate() {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        entry(&format!("data/{key}"), &bytes);
    }
    archive.finish().unwrap();
}

const ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";

fn pickle(tensors: &BTreeMap<String, Tensor>, prefix: &str) -> Vec<u8> {
    let mut out = b"\x80\x02".to_vec();
    out.extend(ORDERED_DICT);
    out.push(b'(');
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        text(&mut out, &format!("{prefix}{name}"));
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
        // The storage, as a persistent id.
        out.push(b'(');
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &key.to_string());
        text(&mut out, "cpu");
        int(&mut out, tensor.elem_count());
        out.extend(b"tQ");
        int(&mut out, 0); // offset
        for sizes in [tensor.dims(), tensor.stride()] {
            out.push(b'(');
            sizes.iter().for_each(|size| int(&mut out, *size));
            out.push(b't');
        }
        out.push(0x89); // requires no gradient
        out.extend(ORDERED_DICT); // no hooks
        out.extend(b"tR");
    }
    out.extend(b"u.");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    out.extend(text.as_bytes());
}

fn int(out: &mut Vec<u8>, value: usize) {
    out.push(b'J');
    out.extend(i32::try_from(value).unwrap().to_le_bytes());
}
