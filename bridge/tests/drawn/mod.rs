//! Messages of every type, drawn from a seed.

use bridge::ros::{self, Message};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::de::value::Error;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// Something that is done with a message of every type.
pub(crate) trait Each {
    /// With this one.
    fn each<M: Message + core::fmt::Debug + PartialEq>(&mut self, message: M);
}

/// Does it with a message of every type that leaves the process.
pub(crate) fn every(seed: u64, to: &mut impl Each) {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
    macro_rules! all {
        ($($name:ident)*) => {$(
            to.each(ros::$name::deserialize(&mut draw).expect("drawn"));
        )*};
    }
    bridge::every_message!(all);
}

/// Makes whatever is asked for.
struct Draw(ChaCha8Rng);

/// So many things of a kind come at most in a row.
const MOST: usize = 3;

impl<'de> Deserializer<'de> for &mut Draw {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("a message says of what type each of its fields is"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.0.random())
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i8(self.0.random())
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i16(self.0.random())
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i32(self.0.random())
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.0.random())
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u8(self.0.random())
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u16(self.0.random())
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(self.0.random())
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.0.random())
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A quarter is held by few bits: it is the same number in every text.
        visitor.visit_f32(0.25 * f32::from(self.0.random::<i16>()))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = f64::from_bits(self.0.random());
        visitor.visit_f64(if number.is_finite() { number } else { 0.25 })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let letters = ['a', 'Z', '0', '/', ' ', 'ü', '字', '"', '\n'];
        let n = self.0.random_range(0..=7);
        visitor.visit_string((0..n).map(|_| letters[self.0.random_range(0..letters.len())]).collect())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let n = self.0.random_range(0..=9);
        visitor.visit_byte_buf((0..n).map(|_| self.0.random()).collect())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.0.random_range(0..=MOST);
        visitor.visit_seq(Row { draw: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Row { draw: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Row { draw: self, left: fields.len() })
    }

    forward_to_deserialize_any! {
        i128 u128 char str byte_buf option unit unit_struct newtype_struct tuple_struct map enum identifier ignored_any
    }
}

struct Row<'a> {
    draw: &'a mut Draw,
    left: usize,
}

impl<'de> SeqAccess<'de> for Row<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.draw).map(Some)
    }
}
