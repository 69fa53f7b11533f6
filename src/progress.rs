//! How far long work has come, for whoever shows it: the command line draws a bar.

/// Shows the progress of work that goes through photos.
pub trait Progress: Sync {
    /// Begins to show work on `total` things called `unit` ("photos"), `done` of which were done
    /// before. The display ends when the returned value is dropped.
    fn begin<'a>(&'a self, unit: &'static str, total: usize, done: usize) -> Box<dyn Advance + 'a>;
}

/// Work in progress.
pub trait Advance: Sync {
    /// One more is done; `failed` says whether it failed.
    fn advance(&self, failed: bool);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin<'a>(&'a self, _: &'static str, _: usize, _: usize) -> Box<dyn Advance + 'a> {
        Box::new(Self)
    }
}

impl Advance for NoProgress {
    fn advance(&self, _: bool) {}
}
