//! Vector instructions for [`Eight`] where the processor has them, found out when the program runs, and plain
//! loops elsewhere. The last bits differ with the way a product is added; nothing that is decided does.

use super::lanes::{Eight, N, Packed};

/// The widest instructions that are there.
#[derive(Copy, Clone, Debug)]
pub(super) enum Widest {
    #[cfg(target_arch = "x86_64")]
    V3(V3),
    Plain,
}

/// What is done with them: what is inlined into it, as functions marked so always are.
pub(super) trait Work {
    type Output;
    fn with<E: Eight>(self, e: E) -> Self::Output;
}

impl Widest {
    pub(super) fn new() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = V3::try_new() {
            return Self::V3(v3);
        }
        Self::Plain
    }

    #[inline(always)]
    pub(super) fn dispatch<W: Work>(self, work: W) -> W::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::V3(v3) => pulp::Simd::vectorize(v3, x86::Wide(v3, work)),
            Self::Plain => work.with(Plain),
        }
    }
}

/// Loops that any processor can do.
#[derive(Copy, Clone, Debug)]
pub(super) struct Plain;

impl Plain {
    #[inline(always)]
    fn each(mut a: Packed, b: Packed, f: impl Fn(f32, f32) -> f32) -> Packed {
        a.0.iter_mut().zip(&b.0).for_each(|(a, b)| *a = f(*a, *b));
        a
    }
}

impl Eight for Plain {
    type V = Packed;

    #[inline(always)]
    fn load(self, v: &Packed) -> Packed {
        *v
    }

    #[inline(always)]
    fn store(self, v: Packed) -> Packed {
        v
    }

    #[inline(always)]
    fn all(self, v: f32) -> Packed {
        Packed([v; N])
    }

    #[inline(always)]
    fn add(self, a: Packed, b: Packed) -> Packed {
        Self::each(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Packed, b: Packed) -> Packed {
        Self::each(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Packed, b: Packed) -> Packed {
        Self::each(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, a: Packed, b: Packed, c: Packed) -> Packed {
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn beyond(self, a: Packed, most: Packed) -> Packed {
        Self::each(a, most, |a, most| (a.abs() - most).max(0.0))
    }

    #[inline(always)]
    fn sqrt(self, a: Packed) -> Packed {
        Self::each(a, a, |a, _| a.sqrt())
    }

    #[inline(always)]
    fn up_to(self, a: Packed, most: Packed) -> u8 {
        (0..N).fold(0, |bits, i| bits | u8::from(a.0[i] <= most.0[i]) << i)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Eight, Packed, Work};
    use core::arch::x86_64::__m256;
    pub(in super::super) use pulp::x86::V3;

    /// Work, and proof that the processor can do it so.
    pub(super) struct Wide<W>(pub(super) V3, pub(super) W);

    impl<W: Work> pulp::WithSimd for Wide<W> {
        type Output = W::Output;

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> W::Output {
            self.1.with(self.0)
        }
    }

    impl Eight for V3 {
        type V = __m256;

        #[inline(always)]
        fn load(self, v: &Packed) -> __m256 {
            pulp::cast(v.0)
        }

        #[inline(always)]
        fn store(self, v: __m256) -> Packed {
            Packed(pulp::cast(v))
        }

        #[inline(always)]
        fn all(self, v: f32) -> __m256 {
            self.avx._mm256_set1_ps(v)
        }

        #[inline(always)]
        fn add(self, a: __m256, b: __m256) -> __m256 {
            self.avx._mm256_add_ps(a, b)
        }

        #[inline(always)]
        fn sub(self, a: __m256, b: __m256) -> __m256 {
            self.avx._mm256_sub_ps(a, b)
        }

        #[inline(always)]
        fn mul(self, a: __m256, b: __m256) -> __m256 {
            self.avx._mm256_mul_ps(a, b)
        }

        #[inline(always)]
        fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
            self.fma._mm256_fmadd_ps(a, b, c)
        }

        #[inline(always)]
        fn beyond(self, a: __m256, most: __m256) -> __m256 {
            let size = self.avx._mm256_andnot_ps(self.all(-0.0), a);
            self.avx._mm256_max_ps(self.sub(size, most), self.avx._mm256_setzero_ps())
        }

        #[inline(always)]
        fn sqrt(self, a: __m256) -> __m256 {
            self.avx._mm256_sqrt_ps(a)
        }

        #[inline(always)]
        fn up_to(self, a: __m256, most: __m256) -> u8 {
            const AT_MOST: i32 = core::arch::x86_64::_CMP_LE_OQ;
            self.avx._mm256_movemask_ps(self.avx._mm256_cmp_ps::<AT_MOST>(a, most)) as u8
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::V3;
