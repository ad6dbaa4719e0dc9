//! One entry of a table of checks.

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, EnumAccess, MapAccess, VariantAccess, Visitor};

/// The next entry of a table as the enum that a table of one entry would be, so that the list of kinds stays where the
/// enum is. (Serde's own adapter would silently ignore a second entry.)
pub(super) struct NextEntry<'a, A> {
    pub(super) table: &'a mut A,
    /// Set when there is no next entry.
    pub(super) ended: &'a mut bool,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for NextEntry<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for NextEntry<'_, A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), A::Error> {
        match self.table.next_key_seed(seed)? {
            Some(kind) => Ok((kind, self)),
            None => {
                *self.ended = true;
                Err(de::Error::custom("the table has no more entries"))
            }
        }
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for NextEntry<'_, A> {
    type Error = A::Error;

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.table.next_value_seed(seed)
    }

    fn unit_variant(self) -> Result<(), A::Error> {
        self.table.next_value()
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::TupleVariant, &"a table of settings"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::StructVariant, &"a table of settings"))
    }
}
