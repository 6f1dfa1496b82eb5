//! One file of a capture as something that can be read at an offset: the file itself, or an unlinked temporary file that
//! holds what a compressed file or standard input came to.

use super::CaptureError;
use super::framing::{self, Frames, Framing, GZIP, Values, WINDOW_LOG_MAX, ZSTD};
use firstbad_protocol::limits::{CAPTURE_LINE_BYTES_MAX, CAPTURE_UNPACKED_BYTES_MAX};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// One file, ready to be read at offsets.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// Why the file ends before its end; its last line is then cut, too.
    pub(super) cut_short: Option<String>,
    file: File,
}

/// What a compressed file, a pipe or standard input came to.
struct Spooled {
    file: File,
    cut_short: Option<String>,
}

impl Source {
    /// Opens `path`; `-` is standard input. Compression is told by the first bytes, not by the name.
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        let fault = |source| CaptureError::Io { path: path.to_owned(), source };
        if path == Path::new("-") {
            let spooled = spooled(io::stdin().lock()).map_err(fault)?;
            return Self::unpacked("-".to_owned(), spooled).map_err(fault);
        }
        let file = File::open(path).map_err(fault)?;
        if file.metadata().map_err(fault)?.is_dir() {
            return Err(fault(io::Error::other("it is a directory; name the files in it")));
        }
        let seekable = file.metadata().map_err(fault)?.is_file();
        let spooled = if seekable { Spooled { file, cut_short: None } } else { spooled(file).map_err(fault)? };
        Self::unpacked(path.display().to_string(), spooled).map_err(fault)
    }

    fn unpacked(name: String, Spooled { mut file, cut_short }: Spooled) -> io::Result<Self> {
        let magic = head(&mut file)?;
        let unpacked = if magic.starts_with(&GZIP) {
            spooled(flate2::read::MultiGzDecoder::new(BufReader::new(file)))?
        } else if magic.starts_with(&ZSTD) {
            let mut decoder = zstd::Decoder::new(file)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            spooled(decoder)?
        } else {
            Spooled { file, cut_short: None }
        };
        let cut_short = unpacked.cut_short.or(cut_short);
        let lines = as_lines(unpacked.file)?;
        Ok(Self { name, file: lines.file, cut_short: lines.cut_short.or(cut_short) })
    }

    /// The file from its start.
    pub(super) fn reader(&self) -> io::Result<impl Read + '_> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// The `length` bytes at `offset`.
    pub(super) fn read_at(&self, offset: u64, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.resize(length, 0);
        self.file.read_exact_at(into, offset)
    }
}

/// The first bytes of a file. Afterwards the file is at its start again.
fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; framing::HEAD_BYTES];
    let read = file.read_at(&mut head, 0)?;
    head.truncate(read);
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

/// The file itself if it holds lines; otherwise a temporary file with its requests as lines.
fn as_lines(mut file: File) -> io::Result<Spooled> {
    match framing::framing(&head(&mut file)?)? {
        Framing::Lines => Ok(Spooled { file, cut_short: None }),
        Framing::Frames => spooled(Frames::new(BufReader::new(file))),
        Framing::Values => spooled(Values::new(BufReader::new(file))),
    }
}

/// What `reader` holds, in a temporary file without a name. A damaged tail must not hide the whole lines before it, and a
/// small file that unpacks without end must not fill the disk: what came before is read, and why it ends is kept.
fn spooled(mut reader: impl Read) -> io::Result<Spooled> {
    let mut file = temporary().map_err(|error| of_temporary(&error))?;
    let mut buffer = vec![0; 1 << 20];
    let (mut total, mut line) = (0_usize, 0_usize);
    let cut_short = loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break None,
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if total > 0 => break Some(format!("it is damaged after {total} unpacked bytes: {error}")),
            Err(error) => return Err(error),
        };
        file.write_all(read).map_err(|error| of_temporary(&error))?;
        total = total.saturating_add(read.len());
        line = memchr::memrchr(b'\n', read).map_or(line.saturating_add(read.len()), |end| read.len() - end - 1);
        if line > CAPTURE_LINE_BYTES_MAX || total > CAPTURE_UNPACKED_BYTES_MAX {
            break Some(format!(
                "it is not read beyond {total} unpacked bytes: a line may have {CAPTURE_LINE_BYTES_MAX}, a file {CAPTURE_UNPACKED_BYTES_MAX}"
            ));
        }
    };
    file.seek(SeekFrom::Start(0))?;
    Ok(Spooled { file, cut_short })
}

/// A full disk is not the capture's fault, and the capture may be on another one.
fn of_temporary(error: &io::Error) -> io::Error {
    let place = std::env::temp_dir();
    let told = format!("its temporary copy in {} failed: {error}; TMPDIR names another place", place.display());
    io::Error::new(error.kind(), told)
}

fn temporary() -> io::Result<File> {
    let directory: PathBuf = std::env::temp_dir();
    for attempt in 0..64_u32 {
        let path = directory.join(format!("firstbad-capture-{}-{attempt}", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                // Gone with the process, however it ends.
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("no free name for a temporary file in {}", directory.display())))
}
