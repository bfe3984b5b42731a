//! Batches read ahead on a thread of their own, so that training does not wait for the disk.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use calo_core::{Error, Grid, Result, ShowerBatch};

use super::{BatchPlace, ShuffledShowers};

/// What comes from the thread.
type Read = Result<(BatchPlace, ShowerBatch<f32>)>;

/// Shuffled batches one after the other and epoch after epoch, read ahead on a thread that ends with this.
///
/// The file is touched by that thread alone. Memory is that of the [`ShuffledShowers`] and of a few batches.
#[derive(Debug)]
pub struct Prefetch {
    ready: Option<Receiver<Read>>,
    /// Batches whose memory is used again.
    spent: Sender<ShowerBatch<f32>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    grid: Grid,
    path: PathBuf,
}

/// What the thread does for every batch.
trait ReadAt: FnMut(&AtomicBool, BatchPlace, &mut ShowerBatch<f32>) -> Result<()> + Send + 'static {}
impl<F: FnMut(&AtomicBool, BatchPlace, &mut ShowerBatch<f32>) -> Result<()> + Send + 'static> ReadAt for F {}

impl Prefetch {
    /// Reads the batches of `showers` from `start` on, at most `depth` ahead of the last one taken; 2 to 4 are enough.
    ///
    /// # Errors
    /// A place beyond the epoch, a depth of 0, or a thread that cannot be started.
    pub fn start(mut showers: ShuffledShowers, start: BatchPlace, depth: usize) -> Result<Self> {
        let (n_batches, grid) = (showers.batches_per_epoch(), showers.grid());
        let path = showers.reader.info().path.clone();
        if start.batch_idx >= n_batches {
            let expected = format!("below the {n_batches} of an epoch");
            return Err(Error::option("batch_idx", start.batch_idx, expected));
        }
        let read = move |stop: &AtomicBool, at: BatchPlace, batch: &mut ShowerBatch<f32>| {
            showers.read_unless(stop, at, batch)
        };
        Self::spawn(read, grid, path, start, n_batches, depth)
    }

    fn spawn(
        mut read: impl ReadAt,
        grid: Grid,
        path: PathBuf,
        start: BatchPlace,
        n_batches: u64,
        depth: usize,
    ) -> Result<Self> {
        if depth == 0 {
            return Err(Error::option("depth", depth, "at least one batch ahead"));
        }
        let (send_ready, ready) = sync_channel(depth);
        let (spent, take_spent) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = Builder::new()
            .name("showers".to_owned())
            .spawn(move || {
                let mut at = start;
                while hand_on(&mut read, &stopped, at, grid, &send_ready, &take_spent) {
                    at = at.next(n_batches);
                }
            })
            .map_err(|e| Error::io(&path, "start a thread to read", e))?;
        Ok(Self { ready: Some(ready), spent, stop, thread: Some(thread), grid, path })
    }

    /// The grid of every shower.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Exchanges the content of `batch` for the next batch and tells where that stands; waits until it is read.
    ///
    /// # Errors
    /// An error of reading, or a panic of the reading thread; no batch comes after either.
    pub fn next(&mut self, batch: &mut ShowerBatch<f32>) -> Result<BatchPlace> {
        let received = self.ready.as_ref().map(Receiver::recv);
        let result = match received {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(self.ended_unasked()),
            None => Err(Error::file(&self.path, "asked for a batch after an error", "no more reading")),
        };
        if result.is_err() {
            self.ready = None;
        }
        let (place, next) = result?;
        // A thread that has ended needs no buffers.
        let _ = self.spent.send(std::mem::replace(batch, next));
        Ok(place)
    }

    /// As [`Prefetch::next`], skipping the batches before `at`: those that a run leaves out at the end of an epoch.
    ///
    /// # Errors
    /// As [`Prefetch::next`]; a place that lies behind.
    pub fn read(&mut self, at: BatchPlace, batch: &mut ShowerBatch<f32>) -> Result<()> {
        loop {
            let place = self.next(batch)?;
            if place == at {
                return Ok(());
            }
            if place > at {
                let found = format!("{} of epoch {}", at.batch_idx, at.epoch);
                let expected =
                    format!("{} of epoch {}, the next one, or later", place.batch_idx, place.epoch);
                return Err(Error::option("batch_idx", found, expected));
            }
        }
    }

    /// Why the thread ended without sending an error.
    fn ended_unasked(&mut self) -> Error {
        let outcome = self.thread.take().map(JoinHandle::join);
        let problem = match outcome {
            Some(Err(panic)) => format!("the thread that reads it panicked ({})", panic_text(&*panic)),
            _ => "the thread that reads it ended".to_owned(),
        };
        Error::file(&self.path, problem, "showers that can be read")
    }
}

/// Reads one batch and sends it, or the error; whether to continue.
fn hand_on(
    read: &mut impl ReadAt,
    stop: &AtomicBool,
    at: BatchPlace,
    grid: Grid,
    ready: &SyncSender<Read>,
    spent: &Receiver<ShowerBatch<f32>>,
) -> bool {
    let mut batch = spent.try_recv().unwrap_or_else(|_| ShowerBatch::empty(grid));
    let result = read(stop, at, &mut batch);
    let is_read = result.is_ok();
    ready.send(result.map(|()| (at, batch))).is_ok() && is_read
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

impl Drop for Prefetch {
    /// Ends the thread: at once where it waits, else within a few megabytes of reading.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ready = None;
        if let Some(thread) = self.thread.take() {
            // An error here is a panic of the thread, which no longer matters.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { layers: 1, nx: 1, ny: 1 };

    fn spawn(read: impl ReadAt, start: BatchPlace) -> Prefetch {
        Prefetch::spawn(read, GRID, PathBuf::from("showers.hdf5"), start, 3, 2).unwrap()
    }

    fn at(epoch: u64, batch_idx: u64) -> BatchPlace {
        BatchPlace { epoch, batch_idx }
    }

    /// A batch that tells its place.
    fn mark(place: BatchPlace, batch: &mut ShowerBatch<f32>) {
        batch.energies_gev = vec![place.epoch as f64, place.batch_idx as f64];
    }

    #[test]
    fn epochs_follow_one_another_from_any_place() {
        let mut prefetch = spawn(
            |_: &AtomicBool, place, batch: &mut ShowerBatch<f32>| {
                mark(place, batch);
                Ok(())
            },
            at(4, 1),
        );
        let mut batch = ShowerBatch::empty(GRID);
        for expected in [at(4, 1), at(4, 2), at(5, 0), at(5, 1), at(5, 2), at(6, 0)] {
            assert_eq!(prefetch.next(&mut batch).unwrap(), expected);
            assert_eq!(batch.energies_gev, [expected.epoch as f64, expected.batch_idx as f64]);
        }
    }

    #[test]
    fn batches_may_be_passed_over_but_not_taken_back() {
        let read = |_: &AtomicBool, place: BatchPlace, batch: &mut ShowerBatch<f32>| {
            mark(place, batch);
            Ok(())
        };
        let mut prefetch = spawn(read, at(0, 0));
        let mut batch = ShowerBatch::empty(GRID);
        for place in [at(0, 0), at(0, 1), at(1, 0), at(3, 2)] {
            prefetch.read(place, &mut batch).unwrap();
            assert_eq!(batch.energies_gev, [place.epoch as f64, place.batch_idx as f64]);
        }
        let message = prefetch.read(at(3, 1), &mut batch).unwrap_err().to_string();
        assert!(
            message.contains("`batch_idx`: 1 of epoch 3; expected 0 of epoch 4, the next one"),
            "{message}"
        );
        // A place that no epoch has is skipped.
        assert!(prefetch.read(at(5, 3), &mut batch).is_err());
    }

    #[test]
    fn an_error_comes_in_its_turn_and_nothing_after_it() {
        let mut prefetch = spawn(
            |_: &AtomicBool, place: BatchPlace, _: &mut ShowerBatch<f32>| {
                if place.batch_idx < 2 { Ok(()) } else { Err(Error::option("cells", "damaged", "whole")) }
            },
            at(0, 0),
        );
        let mut batch = ShowerBatch::empty(GRID);
        assert_eq!(prefetch.next(&mut batch).unwrap(), at(0, 0));
        assert_eq!(prefetch.next(&mut batch).unwrap(), at(0, 1));
        assert!(prefetch.next(&mut batch).unwrap_err().to_string().contains("damaged"));
        assert!(prefetch.next(&mut batch).unwrap_err().to_string().contains("after an error"));
    }

    #[test]
    fn a_panic_of_the_thread_is_an_error() {
        let mut prefetch = spawn(
            |_: &AtomicBool, place: BatchPlace, _: &mut ShowerBatch<f32>| {
                assert!(place.batch_idx < 1, "no batch {}", place.batch_idx);
                Ok(())
            },
            at(0, 0),
        );
        let mut batch = ShowerBatch::empty(GRID);
        prefetch.next(&mut batch).unwrap();
        let message = prefetch.next(&mut batch).unwrap_err().to_string();
        assert!(
            message.starts_with("showers.hdf5: ") && message.contains("panicked (no batch 1)"),
            "{message}"
        );
        assert!(prefetch.next(&mut batch).is_err());
    }

    /// Whether it waits for a taker or is reading without end: the thread is gone when `drop` returns.
    #[test]
    fn dropping_it_ends_the_thread() {
        for endless in [false, true] {
            let alive = Arc::new(());
            let held = Arc::clone(&alive);
            let read = move |stop: &AtomicBool, place: BatchPlace, _: &mut ShowerBatch<f32>| {
                let _held = &held;
                while endless && place.batch_idx == 1 && !stop.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                Ok(())
            };
            let mut prefetch = spawn(read, at(0, 0));
            prefetch.next(&mut ShowerBatch::empty(GRID)).unwrap();
            drop(prefetch);
            assert_eq!(Arc::strong_count(&alive), 1, "the thread still holds what it reads with");
        }
    }

    #[test]
    fn no_depth_is_refused() {
        let read = |_: &AtomicBool, _: BatchPlace, _: &mut ShowerBatch<f32>| Ok(());
        assert!(Prefetch::spawn(read, GRID, PathBuf::new(), at(0, 0), 3, 0).is_err());
    }
}
