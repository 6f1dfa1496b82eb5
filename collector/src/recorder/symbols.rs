//! Names for the addresses of a panic's stack, from the binary with the same build id, here and not in the proxy: the first
//! look-up takes as long as reading the binary's debug information.

use addr2line::Loader;
use firstbad_protocol::recorder::{RecorderImage, SiteImage};
use object::Object;
use std::fmt::Write;
use std::path::Path;

/// Greatest binary that is read, bytes.
const BINARY_BYTES_MAX: u64 = 4 << 30;

/// The debug information of one recorder's binary.
pub(super) struct Symbols(Loader);

impl Symbols {
    /// From the binary at `path`, if it is the one that wrote the recorder.
    pub(super) fn of(image: &RecorderImage, path: &Path) -> Result<Self, String> {
        let fail = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        if image.build_id.is_empty() {
            return Err(fail(&"the recorder names no build id"));
        }
        let found = std::fs::metadata(path).map_err(|error| fail(&error))?;
        if !found.is_file() || found.len() > BINARY_BYTES_MAX {
            return Err(fail(&"it is no binary"));
        }
        let bytes = std::fs::read(path).map_err(|error| fail(&error))?;
        let binary = object::File::parse(&*bytes).map_err(|error| fail(&error))?;
        if binary.build_id().ok().flatten() != Some(&image.build_id) {
            return Err(fail(&format!("its build id is not {}", hex(&image.build_id))));
        }
        Loader::new(path).map(Self).map_err(|error| fail(&error))
    }

    /// One line for each function of the site's stack, inlined ones included; the address where nothing is known.
    pub(super) fn lines(&self, image: &RecorderImage, site: &SiteImage) -> Vec<String> {
        site.frames.iter().flat_map(|frame| self.frame(frame.wrapping_sub(image.load_bias))).collect()
    }

    fn frame(&self, address: u64) -> Vec<String> {
        // A return address: the call is the instruction before it.
        let Ok(mut frames) = self.0.find_frames(address.wrapping_sub(1)) else { return vec![format!("{address:#x}")] };
        let mut lines = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let mut line = name.unwrap_or_else(|| format!("{address:#x}"));
            if let Some((file, number)) = frame.location.and_then(|found| Some((found.file?, found.line?))) {
                let _ = write!(line, " at {file}:{number}");
            }
            lines.push(line);
        }
        if lines.is_empty() {
            lines.push(self.0.find_symbol(address).map_or_else(|| format!("{address:#x}"), str::to_owned));
        }
        lines
    }
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
