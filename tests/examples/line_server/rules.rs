//! The rules file that the servers of `tests/whole_line` load, and what a request does with it. Each fault of those tests is in
//! the file alone. The server on Pingora has a link to this file.

use firstbad_instrument::Live;

/// Number of routes that the servers have room for. Chosen.
const ROUTES_MAX: usize = 8;
/// Number of lines with the most routes that there is room for: a token, a buffer, and the routes.
const ROWS_MAX: u64 = 2 + ROUTES_MAX as u64;

/// The rules that serve.
pub(crate) static RULES: Live<Rules> = Live::new("edge-rules").limit("rows", ROWS_MAX);

/// The parsed form of a file.
pub(crate) struct Rules {
    token: String,
    buffer_bytes: usize,
    routes: Vec<String>,
}

/// Reads a file of lines such as `token SECRET`, `buffer BYTES` and `route PREFIX`.
///
/// # Errors
/// If a line has another form. The error names the line.
pub(crate) fn parse(bytes: &[u8]) -> Result<Rules, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut rules = Rules { token: String::new(), buffer_bytes: 0, routes: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        match line.split_once(' ') {
            Some(("token", token)) => token.clone_into(&mut rules.token),
            Some(("buffer", bytes)) => {
                rules.buffer_bytes = bytes.parse().map_err(|error| format!("line {number}: buffer: {error}"))?;
            }
            Some(("route", route)) => rules.routes.push(route.to_owned()),
            _ => return Err(format!("line {number}: expected token, buffer or route")),
        }
    }
    Ok(rules)
}

impl Rules {
    /// Returns the status that a request with this `Authorization` header gets.
    ///
    /// # Panics
    /// If there are more routes than there is room for.
    #[expect(clippy::unwrap_used, reason = "the mistake that firstbad is here to name")]
    pub(crate) fn status(&self, authorization: Option<&str>) -> u16 {
        // An allocation that fails aborts the process.
        std::hint::black_box(vec![0_u8; self.buffer_bytes]);
        let mut table = [0_usize; ROUTES_MAX];
        for (place, route) in self.routes.iter().enumerate() {
            *table.get_mut(place).unwrap() = route.len();
        }
        if authorization == Some(format!("Bearer {}", self.token).as_str()) { 200 } else { 401 }
    }
}
