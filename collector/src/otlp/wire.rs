//! The protobuf encoding itself: varints, fixed numbers, length-delimited fields, over borrowed bytes. Which field means
//! what is in `protobuf`. It never allocates, and every error names its offset.

use super::error::DecodeError;

/// A cursor over one message. Offsets are into the whole request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    field: &'static str,
}

/// One field's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    /// Four bytes: only trace flags come so, and nothing here reads them.
    Fixed32,
    Bytes(Reader<'a>),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], field: &'static str) -> Self {
        Self { bytes, offset: 0, field }
    }

    /// The same bytes, under the name of the message that they are.
    pub(crate) fn named(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// The next field's number and value.
    // Inlined into each walk, with what it calls: the values then stay in registers, which is a third of a walk's time.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, DecodeError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| self.error("field number beyond 2^29"))?;
        if number == 0 || number >= 1 << 29 {
            return Err(self.error("field number 0 or beyond 2^29"));
        }
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => Field::Bytes(self.delimited()?),
            5 => {
                self.fixed::<4>()?;
                Field::Fixed32
            }
            _ => return Err(self.error("a group or an unknown wire type")),
        };
        Ok(Some((number, field)))
    }

    /// The next varint, where a packed field holds nothing else.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        // Most tags, and most lengths, are one byte.
        match self.bytes.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.bytes = rest;
                self.offset += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (index, byte) in self.bytes.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && *byte > 1 {
                return Err(self.error("a varint beyond 64 bits"));
            }
            value |= bits << (7 * index);
            if *byte < 0x80 {
                self.advance(index + 1);
                return Ok(value);
            }
        }
        Err(self.error(if self.bytes.len() < 10 { "a varint that ends too early" } else { "a varint beyond 64 bits" }))
    }

    /// The next fixed number, where a packed field holds nothing else.
    #[inline(always)]
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some(value) = self.bytes.first_chunk::<N>() else {
            return Err(self.error("a fixed number that ends too early"));
        };
        self.advance(N);
        Ok(*value)
    }

    #[inline(always)]
    fn delimited(&mut self) -> Result<Reader<'a>, DecodeError> {
        let length = self.varint()?;
        let inner = usize::try_from(length).ok().and_then(|length| self.bytes.get(..length));
        let Some(inner) = inner else {
            return Err(self.error("a length beyond the end of its message"));
        };
        let reader = Reader { bytes: inner, offset: self.offset, field: self.field };
        self.advance(inner.len());
        Ok(reader)
    }

    #[inline(always)]
    fn advance(&mut self, count: usize) {
        self.bytes = self.bytes.get(count..).unwrap_or_default();
        self.offset += count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All bytes as text.
    pub(crate) fn text(&self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes).map_err(|error| DecodeError::Protobuf {
            offset: self.offset + error.valid_up_to(),
            field: self.field,
            what: "text that is not UTF-8",
        })
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn error(&self, what: &'static str) -> DecodeError {
        DecodeError::Protobuf { offset: self.offset, field: self.field, what }
    }
}

impl<'a> Field<'a> {
    /// A message, text or bytes.
    #[inline]
    pub(crate) fn reader(self, at: &Reader<'a>, name: &'static str) -> Result<Reader<'a>, DecodeError> {
        if let Self::Bytes(reader) = self {
            Ok(reader.named(name))
        } else {
            Err(at.error("a number where a message belongs"))
        }
    }

    /// A varint.
    pub(crate) fn varint(self, at: &Reader<'a>) -> Result<u64, DecodeError> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(at.error("another type where a varint belongs")) }
    }

    /// Eight bytes.
    pub(crate) fn fixed64(self, at: &Reader<'a>) -> Result<u64, DecodeError> {
        if let Self::Fixed64(value) = self { Ok(value) } else { Err(at.error("another type where 8 bytes belong")) }
    }

    /// A double.
    pub(crate) fn double(self, at: &Reader<'a>) -> Result<f64, DecodeError> {
        self.fixed64(at).map(f64::from_bits)
    }

    /// A 32-bit flag field or count.
    pub(crate) fn uint32(self, at: &Reader<'a>) -> Result<u32, DecodeError> {
        // Truncation is what protobuf demands of a varint too long for its field.
        #[expect(clippy::cast_possible_truncation, reason = "the protobuf rule")]
        self.varint(at).map(|value| value as u32)
    }

    /// A zigzag 32-bit integer.
    pub(crate) fn sint32(self, at: &Reader<'a>) -> Result<i32, DecodeError> {
        let value = self.uint32(at)?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// An int64, bool or enum.
    pub(crate) fn int64(self, at: &Reader<'a>) -> Result<i64, DecodeError> {
        self.varint(at).map(u64::cast_signed)
    }
}
