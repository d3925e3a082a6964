//! What this processor computes many numbers at once with, found out when the program runs.

use pulp::{Simd, WithSimd};

/// The widest vector instructions that are there; the same bits whichever they are.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Arch(pulp::Arch);

/// A closure handed over as such would be called through a function that the compiler makes for it, which
/// takes none of the instructions with it.
struct Work<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Work<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

impl Arch {
    pub(crate) fn new() -> Self {
        Self(pulp::Arch::new())
    }

    /// Does `work` with them: what is inlined into it, as closures and functions marked so always are.
    #[inline(always)]
    pub(crate) fn dispatch<R>(self, work: impl FnMut() -> R) -> R {
        self.0.dispatch(Work(work))
    }
}
