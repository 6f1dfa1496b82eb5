//! Files with requests that do not stand one on a line: frames, as the file exporter writes them when it compresses with
//! zstd, and JSON documents over several lines, as `jq` and most libraries write them. The first bytes decide between the
//! two, and both are converted to lines.

use firstbad_protocol::limits::CAPTURE_LINE_BYTES_MAX;
use std::io::{self, BufRead, Read};

pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];
pub(super) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// log2 of the largest zstd window that is read: 128 MiB, the default maximum of the `zstd` command. A file is chosen by the
/// person who reads it, so the limit is higher than for a request from the network.
pub(super) const WINDOW_LOG_MAX: u32 = 27;

/// Number of bytes at the start of a file that decide its framing.
pub(super) const HEAD_BYTES: usize = 1 << 16;

/// First byte of an OTLP request in protobuf: field 1 is a message.
const PROTOBUF: u8 = 0x0a;

/// The layout of requests in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// One request on each line.
    Lines,
    /// Each request is a zstd frame after its length in 4 bytes, big-endian.
    Frames,
    /// Each request is a JSON value over several lines.
    Values,
}

/// The layout of requests in a file that begins with `head`.
///
/// # Errors
/// If the file is of another kind; the error names the kind.
pub(super) fn framing(head: &[u8]) -> io::Result<Framing> {
    let (prefix, framed) = head.split_at_checked(4).unwrap_or_default();
    let is_length = prefix.first() == Some(&0);
    match head {
        _ if framed.starts_with(&ZSTD) => Ok(Framing::Frames),
        _ if is_length && framed.first() == Some(&PROTOBUF) => Err(protobuf()),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(other("text in UTF-16; convert it to UTF-8")),
        [b'P', b'K', 3 | 5, ..] => Err(other("a zip archive; unpack it")),
        [b'P', b'A', b'R', b'1', ..] => Err(other("a Parquet file")),
        _ if is_multi_line(head) => Ok(Framing::Values),
        _ => Ok(Framing::Lines),
    }
}

fn other(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is {what}; a capture is OTLP/JSON lines"))
}

fn protobuf() -> io::Error {
    other("protobuf messages, as the file exporter writes them with `format: proto`; write them with `format: json`")
}

/// Whether the first value continues on the second line. After a first line that was cut, the second begins a new value.
fn is_multi_line(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    let is_open = first.starts_with(b"{") || first.starts_with(b"[");
    let is_closed = first.ends_with(b"}") || first.ends_with(b"]");
    first == b"[" || (is_open && !is_closed && !second.starts_with(b"{"))
}

/// The requests of a file in frames, as lines.
pub(super) struct Frames<R> {
    file: R,
    line: Vec<u8>,
    read: usize,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, line: Vec::new(), read: 0 }
    }

    /// Decompresses the next frame. Returns false at the end of the file.
    fn next(&mut self) -> io::Result<bool> {
        let mut length = [0; 4];
        if self.file.read(&mut length[..1])? == 0 {
            return Ok(false);
        }
        self.file.read_exact(&mut length[1..])?;
        let length = u64::from(u32::from_be_bytes(length));
        if length > CAPTURE_LINE_BYTES_MAX as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a frame of {length} bytes exceeds the limit of {CAPTURE_LINE_BYTES_MAX} bytes"),
            ));
        }
        let mut frame = Vec::new();
        if self.file.by_ref().take(length).read_to_end(&mut frame)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut decoder = zstd::Decoder::with_buffer(frame.as_slice())?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        self.line.clear();
        self.read = 0;
        decoder.take(CAPTURE_LINE_BYTES_MAX as u64).read_to_end(&mut self.line)?;
        if self.line.first() == Some(&PROTOBUF) && self.line.get(1) != Some(&b'{') {
            return Err(protobuf());
        }
        self.line.push(b'\n');
        Ok(true)
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.line.len() && !self.next()? {
            return Ok(0);
        }
        let mut rest = self.line.get(self.read..).unwrap_or_default();
        let read = rest.read(into)?;
        self.read += read;
        Ok(read)
    }
}

/// JSON values over several lines, converted to lines. The brackets of a list around all values are dropped.
pub(super) struct Values<R> {
    file: R,
    /// Number of open brackets.
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// Whether text that is no value precedes the next value. It becomes a line of its own, which is then reported as broken.
    junk: bool,
    lines: Vec<u8>,
    read: usize,
}

impl<R: BufRead> Values<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, depth: 0, in_text: false, escaped: false, junk: false, lines: Vec::new(), read: 0 }
    }

    fn take(&mut self, byte: u8) {
        if self.in_text {
            // JSON strings hold no line ending. If one does, it must not end the line.
            self.lines.push(if byte == b'\n' { b' ' } else { byte });
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'[' | b']' | b',' if self.depth == 0 => {}
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(byte),
            _ => {
                self.junk |= self.depth == 0;
                self.in_text = byte == b'"' && self.depth > 0;
                self.lines.push(byte);
            }
        }
    }

    fn open(&mut self, byte: u8) {
        if std::mem::take(&mut self.junk) {
            self.lines.push(b'\n');
        }
        self.depth += 1;
        self.lines.push(byte);
    }

    fn close(&mut self, byte: u8) {
        self.depth = self.depth.saturating_sub(1);
        self.lines.push(byte);
        if self.depth == 0 {
            self.lines.push(b'\n');
        }
    }
}

impl<R: BufRead> Read for Values<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.lines.len() {
            self.lines.clear();
            self.read = 0;
            let bytes = self.file.fill_buf()?.to_vec();
            if bytes.is_empty() {
                return Ok(0);
            }
            self.file.consume(bytes.len());
            bytes.into_iter().for_each(|byte| self.take(byte));
        }
        let mut rest = self.lines.get(self.read..).unwrap_or_default();
        let read = rest.read(into)?;
        self.read += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(reader: impl Read) -> Vec<String> {
        let text = io::read_to_string(reader).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_bytes_tell_how_a_file_is_framed() {
        let of = |head: &[u8]| framing(head).map_err(|error| error.to_string());
        assert_eq!(of(b"{\"resourceLogs\":[]}\n{"), Ok(Framing::Lines));
        assert_eq!(of(b"\n{\"resourceLogs\":[{\n\"a\":1"), Ok(Framing::Values));
        assert_eq!(of(b"{\n  \"resourceLogs\": ["), Ok(Framing::Values));
        assert_eq!(of(b"[\n{\"resourceLogs\":[]},\n"), Ok(Framing::Values));
        assert_eq!(of(b"{\"resourceLogs\":[{\"resou\n{\"resourceLogs\":[]}\n"), Ok(Framing::Lines), "a first line cut");
        assert_eq!(of(b""), Ok(Framing::Lines));
        assert_eq!(of(&[0, 0, 1, 2, 0x28, 0xb5, 0x2f, 0xfd, 4]), Ok(Framing::Frames));
        for (head, named) in [
            (&[0, 0, 1, 2, 0x0a, 3][..], "protobuf"),
            (&[0xff, 0xfe, b'{', 0], "UTF-16"),
            (b"PK\x03\x04", "zip"),
            (b"PAR1", "Parquet"),
        ] {
            assert!(of(head).unwrap_err().contains(named));
        }
    }

    #[test]
    fn frames_become_lines_and_a_cut_one_is_an_error_after_them() {
        let mut file = Vec::new();
        for text in [r#"{"a":1}"#, r#"{"b":2}"#] {
            let frame = zstd::bulk::compress(text.as_bytes(), 3).unwrap();
            file.extend(u32::try_from(frame.len()).unwrap().to_be_bytes());
            file.extend(frame);
        }
        assert_eq!(lines(Frames::new(file.as_slice())), [r#"{"a":1}"#, r#"{"b":2}"#]);
        let mut cut = Frames::new(&file[..file.len() - 3]);
        let mut text = Vec::new();
        assert_eq!(cut.read_to_end(&mut text).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(text, b"{\"a\":1}\n");
    }

    #[test]
    fn values_over_several_lines_become_lines() {
        let text = "{\n \"a\": [1,\r\n\t{\"b\": \"x y\\\" ] {\"}]\n}\n\n{ \"c\" : {} }";
        let read = [r#"{"a":[1,{"b":"x y\" ] {"}]}"#, r#"{"c":{}}"#];
        assert_eq!(lines(Values::new(text.as_bytes())), read);
        assert_eq!(lines(Values::new(format!("[\n{},\n{{\"c\":{{}}}}\n]\n", read[0]).as_bytes())), read);
        assert_eq!(lines(Values::new(&b"junk {\"c\":{}} {\"d\""[..])), ["junk", r#"{"c":{}}"#, r#"{"d""#]);
    }
}
