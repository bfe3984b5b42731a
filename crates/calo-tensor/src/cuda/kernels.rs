//! Our own kernels: compiled for the GPU at hand when first used, launched with their arguments checked by the caller.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use candle_core::backend::BackendStorage as _;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, CudaViewMut, DeviceRepr, LaunchArgs, LaunchConfig, PushKernelArg as _,
    ValidAsZeroBits,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaStorageSlice, WrapErr as _};
use candle_core::{CudaDevice, CudaStorage, DType, Result, WithDType};

use super::capability::ComputeCapability;
use super::operand::Operand;
use crate::Error;

/// A file of kernels, compiled together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Adam,
    Elementwise,
    LayerNorm,
    Reduce,
    Sort,
    SortedMmd,
}

impl Source {
    const ALL: [Self; 6] =
        [Self::Adam, Self::Elementwise, Self::LayerNorm, Self::Reduce, Self::Sort, Self::SortedMmd];

    fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::Elementwise => "elementwise",
            Self::LayerNorm => "layer_norm",
            Self::Reduce => "reduce",
            Self::Sort => "sort",
            Self::SortedMmd => "sorted_mmd",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Adam => concat!(include_str!("prelude.cu"), include_str!("adam.cu")),
            Self::Elementwise => concat!(include_str!("prelude.cu"), include_str!("elementwise.cu")),
            Self::LayerNorm => concat!(include_str!("prelude.cu"), include_str!("layer_norm.cu")),
            Self::Reduce => concat!(include_str!("prelude.cu"), include_str!("reduce.cu")),
            Self::Sort => concat!(include_str!("prelude.cu"), include_str!("sort.cu")),
            Self::SortedMmd => concat!(include_str!("prelude.cu"), include_str!("sorted_mmd.cu")),
        }
    }
}

/// What kernels compute with: f32, f64, bf16.
pub(super) trait Element: WithDType + CudaDType + DeviceRepr + ValidAsZeroBits {
    /// What they sum in: `acc` of the kernels.
    type Sum: Element;

    /// What `storage` holds.
    fn take(storage: CudaStorage) -> Result<CudaSlice<Self>>;
}

macro_rules! element {
    ($t:ty, $sum:ty, $dtype:ident) => {
        impl Element for $t {
            type Sum = $sum;

            fn take(storage: CudaStorage) -> Result<CudaSlice<Self>> {
                match storage.slice {
                    CudaStorageSlice::$dtype(slice) => Ok(slice),
                    _ => Err(candle_core::Error::UnsupportedDTypeForOp(storage.dtype(), "storage")),
                }
            }
        }
    };
}

element!(f32, f32, F32);
element!(f64, f64, F64);
element!(half::bf16, f32, BF16);

/// Runs `$body` with `$t` standing for the element type of `$operand`: f32, f64 or bf16.
macro_rules! by_dtype {
    ($op:expr, $operand:expr, $t:ident => $body:expr) => {
        match candle_core::backend::BackendStorage::dtype($operand.0) {
            candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            candle_core::DType::BF16 => {
                type $t = half::bf16;
                $body
            }
            other => Err(candle_core::Error::UnsupportedDTypeForOp(other, $op)),
        }
    };
}
pub(super) use by_dtype;

/// The elements of a contiguous operand.
pub(super) fn elements<'a, T: CudaDType>(
    op: &'static str,
    (storage, layout): Operand<'a>,
) -> Result<CudaView<'a, T>> {
    let (start, end) = layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op })?;
    let slice = storage.as_cuda_slice::<T>()?;
    let view = slice.try_slice(start..end);
    Ok(view.ok_or_else(|| Error::operand(op, "storage", slice.len(), format!("at least {end} elements")))?)
}

/// The same of an operand that may be left out, which has to hold `n` elements.
pub(super) fn optional<'a, T: CudaDType>(
    op: &'static str,
    what: &'static str,
    operand: Option<Operand<'a>>,
    n: usize,
) -> Result<Option<CudaView<'a, T>>> {
    operand.map(|operand| sized(op, what, operand, n)).transpose()
}

/// The elements of a contiguous operand, which has to hold `n`.
pub(super) fn sized<'a, T: CudaDType>(
    op: &'static str,
    what: &'static str,
    operand: Operand<'a>,
    n: usize,
) -> Result<CudaView<'a, T>> {
    let view = elements(op, operand)?;
    if view.len() != n {
        return Err(Error::operand(op, what, operand.1.dims(), format!("{n} elements")).into());
    }
    Ok(view)
}

/// Rows of `len` in an operand.
pub(super) fn rows(
    op: &'static str,
    what: &'static str,
    (_, layout): Operand<'_>,
    len: usize,
) -> Result<usize> {
    let n = layout.shape().elem_count();
    if len == 0 || n == 0 || !n.is_multiple_of(len) {
        return Err(
            Error::operand(op, what, layout.dims(), format!("whole rows of {len}, one or more")).into()
        );
    }
    Ok(n / len)
}

/// Memory for a result: a kernel has to write all of it.
#[expect(unsafe_code, reason = "zeroing results that are overwritten at once would cost a pass over memory")]
pub(super) fn uninitialised<T: DeviceRepr>(device: &CudaDevice, n: usize) -> Result<CudaSlice<T>> {
    // SAFETY: numbers without invalid bit patterns; each caller launches a kernel that writes every element.
    unsafe { device.alloc::<T>(n) }
}

/// How the work of a kernel is spread over the GPU. It depends on shapes alone, so that sums keep their order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grid {
    /// Elements in any order.
    Elements(usize),
    /// One block per row of `len`.
    Rows { rows: usize, len: usize },
    /// One block of so many threads per row.
    Blocks { rows: usize, threads: u32 },
    /// Columns, each in `parts` parts.
    Columns { len: usize, parts: usize },
}

impl Grid {
    fn config(self, op: &'static str) -> Result<LaunchConfig> {
        const THREADS: usize = 256;
        // Enough for any GPU; the loops in the kernels take the rest.
        const MOST: usize = 1 << 16;
        let (blocks, parts, threads) = match self {
            Self::Elements(n) => (n.div_ceil(THREADS).min(MOST), 1, THREADS),
            Self::Rows { rows, len } => (rows, 1, len.div_ceil(8).next_power_of_two().clamp(32, 1024)),
            Self::Blocks { rows, threads } => (rows, 1, threads as usize),
            Self::Columns { len, parts } => (len.div_ceil(THREADS).min(MOST), parts, THREADS),
        };
        let size = |n: usize| {
            u32::try_from(n)
                .ok()
                .filter(|&n| i32::try_from(n).is_ok())
                .ok_or_else(|| Error::operand(op, "operand", self, "fewer than 2^31 rows"))
        };
        Ok(LaunchConfig {
            grid_dim: (size(blocks)?, size(parts)?, 1),
            block_dim: (size(threads)?, 1, 1),
            shared_mem_bytes: 0,
        })
    }
}

/// What a kernel takes.
pub(super) trait Argument {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>);
}

impl<T> Argument for CudaView<'_, T> {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        arguments.arg(&*self);
    }
}

/// What is passed for an operand that is left out.
static NULL: u64 = 0;

impl<T> Argument for Option<CudaView<'_, T>> {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        match self {
            Some(view) => arguments.arg(&*view),
            None => arguments.arg(&NULL),
        };
    }
}

impl<T> Argument for Option<CudaViewMut<'_, T>> {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        match self {
            Some(view) => arguments.arg(view),
            None => arguments.arg(&NULL),
        };
    }
}

impl<T> Argument for CudaViewMut<'_, T> {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        arguments.arg(self);
    }
}

impl<T> Argument for CudaSlice<T> {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        arguments.arg(self);
    }
}

/// A size.
impl Argument for usize {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        arguments.arg(&*self);
    }
}

/// A setting.
impl Argument for f64 {
    fn push<'a>(&'a mut self, arguments: &mut LaunchArgs<'a>) {
        arguments.arg(&*self);
    }
}

/// Launches `kernel` of `source`, compiled for elements `T`.
#[expect(unsafe_code, reason = "launching a kernel is beyond what the compiler can check")]
pub(super) fn launch<T: Element>(
    device: &CudaDevice,
    source: Source,
    kernel: &'static str,
    grid: Grid,
    arguments: &mut [&mut dyn Argument],
) -> Result<()> {
    let config = grid.config(kernel)?;
    let stream = device.cuda_stream();
    let (major, minor) = stream.context().compute_capability().w()?;
    let capability = ComputeCapability { major, minor };
    let compiled = compiled(source, T::DTYPE, capability)?;
    let function = device.get_or_load_custom_func(kernel, &compiled.module, &compiled.ptx)?;
    let mut builder = function.builder();
    for argument in arguments {
        argument.push(&mut builder);
    }
    // SAFETY: arguments are listed in the order and with the types of the kernel's declaration in the file beside this
    // one; kernels stay within sizes that are among their arguments, and callers have checked operands against these.
    unsafe { builder.launch(config) }.w()?;
    Ok(())
}

/// A compiled file of kernels.
#[derive(Debug)]
struct Compiled {
    /// The name under which Candle keeps it once loaded.
    module: String,
    ptx: String,
}

/// What a compiled file was compiled from and for.
type Key = (Source, DType, ComputeCapability);

fn compiled(source: Source, dtype: DType, capability: ComputeCapability) -> Result<Arc<Compiled>> {
    static COMPILED: LazyLock<Mutex<HashMap<Key, Arc<Compiled>>>> = LazyLock::new(Mutex::default);
    // Held while compiling, so that threads which start together compile once. What it guards is always whole.
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (source, dtype, capability);
    if let Some(compiled) = all.get(&key) {
        return Ok(compiled.clone());
    }
    let ptx = compile(source, dtype, capability).w()?;
    let module = format!("calo_{}_{}", source.name(), dtype.as_str());
    let compiled = Arc::new(Compiled { module, ptx });
    all.insert(key, compiled.clone());
    Ok(compiled)
}

fn compile(
    source: Source,
    dtype: DType,
    ComputeCapability { major, minor }: ComputeCapability,
) -> std::result::Result<String, CompileError> {
    let options = CompileOptions {
        name: Some(format!("{}.cu", source.name())),
        options: vec![
            format!("--gpu-architecture=compute_{major}{minor}"),
            "--std=c++17".to_owned(),
            format!("-D{}", dtype.as_str().to_uppercase()),
        ],
        ..Default::default()
    };
    Ok(compile_ptx_with_opts(source.text(), options)?.to_src())
}

/// Compiles every kernel for every element type: how many files. `None` where NVRTC is a stub.
pub(super) fn compile_all(capability: ComputeCapability) -> Result<Option<usize>> {
    let mut compiled = 0;
    for source in Source::ALL {
        for dtype in [DType::F32, DType::F64, DType::BF16] {
            match compile(source, dtype, capability) {
                Ok(_) => compiled += 1,
                Err(CompileError::CreationError(_)) => return Ok(None),
                Err(error) => return Err(error).w(),
            }
        }
    }
    Ok(Some(compiled))
}
