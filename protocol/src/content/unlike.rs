//! Content that is plainly not the input: an error page that a download saved under the input's name, an archive, bytes of zero.

use super::Format;
use super::json::Scanner;
use super::rows::without_mark;

/// Longest text that is taken for the sentence of an error, bytes.
const ERROR_BYTES_MAX: usize = 2048;
/// Bytes before the first letter, and of the beginning, that are compared.
const HEAD_BYTES: usize = 512;

/// First bytes of files that are no text input.
const MAGICS: [(&[u8], &str); 12] = [
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF-", "a PDF document"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"PAR1", "Parquet"),
    (b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS in place of the file"),
    (b"\xff\xfe", "UTF-16"),
];

/// Sentences of servers and proxies in place of an answer, in lower case.
const ERRORS: [&str; 19] = [
    "not found",
    "page not found",
    "file not found",
    "bad request",
    "unauthorized",
    "forbidden",
    "access denied",
    "permission denied",
    "method not allowed",
    "request timeout",
    "gone",
    "too many requests",
    "rate limit exceeded",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "no healthy upstream",
    "upstream connect error",
];

/// What the bytes look like, if they are plainly no input of this format: "an HTML page".
#[must_use]
pub fn unlike(bytes: &[u8], format: Format) -> Option<&'static str> {
    if format == Format::Binary || bytes.is_empty() {
        return None;
    }
    if bytes.first() == Some(&0) && bytes.iter().all(|byte| *byte == 0) {
        return Some("bytes of zero");
    }
    if let Some((_, what)) = MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(what);
    }
    let text = without_mark(bytes).trim_ascii_start();
    let head = text.get(..HEAD_BYTES).unwrap_or(text).to_ascii_lowercase();
    if [b"<!doctype html".as_slice(), b"<html", b"<head>", b"<body", b"<title>"].iter().any(|tag| head.starts_with(tag))
    {
        return Some("an HTML page (an error page?)");
    }
    if head.starts_with(b"<?xml") {
        let error = [b"<error>".as_slice(), b"accessdenied", b"<html"];
        let is_error = error.iter().any(|tag| head.windows(tag.len()).any(|part| part == *tag));
        return Some(if is_error { "an XML error page" } else { "XML" });
    }
    let short = text.len() <= ERROR_BYTES_MAX;
    if short && (is_error_sentence(&head) || is_error_object(text)) {
        return Some("an error page of a server (not found, no access, no answer)");
    }
    None
}

/// `404: Not Found`, `HTTP/1.1 502 Bad Gateway`, `Access Denied.`
fn is_error_sentence(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head) else { return false };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else { return false };
    let is_http = first.starts_with("http/");
    if lines.count() > 2 && !is_http {
        return false;
    }
    if first.starts_with("curl: (") || first.starts_with("wget: ") {
        return true;
    }
    let rest = if is_http { first.split_once(' ').map_or("", |(_, rest)| rest) } else { first };
    let rest = rest.strip_prefix("error").unwrap_or(rest).trim_start_matches([':', ' ']);
    let status = rest.get(..3).and_then(|digits| digits.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let sentence = match status {
        Some(_) => rest.get(3..).unwrap_or_default(),
        None => rest,
    };
    let sentence = sentence.trim_start_matches([':', ' ', '-']).trim_end_matches(['.', '!', ' ']);
    match status {
        Some(_) => ERRORS.iter().any(|error| sentence.starts_with(error)),
        None => ERRORS.contains(&sentence) || sentence.starts_with("upstream connect error"),
    }
}

/// Names that only errors have in a small object, and those that come with them.
const ERROR_KEYS: [&[u8]; 4] = [b"error", b"errors", b"message", b"detail"];
const BESIDE_ERROR_KEYS: [&[u8]; 14] = [
    b"code",
    b"status",
    b"statuscode",
    b"documentation_url",
    b"error_description",
    b"request_id",
    b"requestid",
    b"title",
    b"type",
    b"path",
    b"timestamp",
    b"reason",
    b"success",
    b"instance",
];

/// `{"message": "Not Found"}`: an object of nothing but an error.
fn is_error_object(text: &[u8]) -> bool {
    if !text.starts_with(b"{") || !text.trim_ascii_end().ends_with(b"}") {
        return false;
    }
    let keys = keys(text);
    let has = |list: &[&[u8]], key: &Vec<u8>| list.contains(&key.as_slice());
    let certain =
        keys.iter().any(|key| matches!(key.as_slice(), b"error" | b"errors" | b"documentation_url" | b"statuscode"));
    let lower = text.to_ascii_lowercase();
    let worded = ERRORS.iter().any(|error| lower.windows(error.len()).any(|part| part == error.as_bytes()));
    keys.iter().any(|key| has(&ERROR_KEYS, key))
        && keys.iter().all(|key| has(&ERROR_KEYS, key) || has(&BESIDE_ERROR_KEYS, key))
        && (certain || worded)
}

/// Names at the outermost level of an object, in lower case.
fn keys(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut scanner, mut start, mut found, mut last) = (Scanner::default(), None, Vec::new(), None);
    for (index, byte) in text.iter().enumerate() {
        let before = scanner.in_string;
        scanner.step(*byte);
        match (before, scanner.in_string) {
            (false, true) => start = Some(index + 1),
            (true, false) => last = start.take().and_then(|start| text.get(start..index)),
            (false, false) if *byte == b':' && scanner.depth == 1 => {
                found.extend(last.take().map(<[u8]>::to_ascii_lowercase));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_pages_archives_and_zeros_are_known_for_what_they_are() {
        for (bytes, what) in [
            (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>".as_slice(), "HTML"),
            (b"<HTML><BODY>", "HTML"),
            (b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>", "XML error"),
            (b"404: Not Found", "of a server"),
            (b"404 page not found\n", "of a server"),
            (b"HTTP/1.1 502 Bad Gateway\nserver: x\n\n", "of a server"),
            (b"Access Denied.\n", "of a server"),
            (b"curl: (22) The requested URL returned error: 404\n", "of a server"),
            (b"upstream connect error or disconnect/reset before headers", "of a server"),
            (b"{\"message\": \"Not Found\"}", "of a server"),
            (b"{\"error\": {\"code\": 7}, \"status\": 500}\n", "of a server"),
            (b"\0\0\0\0", "zero"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        ] {
            let found = unlike(bytes, Format::Lines).unwrap_or_default();
            assert!(found.contains(what), "{what}: {found:?}");
        }
    }

    #[test]
    fn inputs_that_only_mention_errors_are_inputs() {
        for text in [
            "404,Not Found\n500,x\n",
            "404\n500\n",
            "# not found\n10.0.0.1\n",
            "not found\nforbidden\nblocked\ndenied\n",
            "{\"message\": \"Welcome\"}",
            "{\"error\": 1, \"rules\": []}",
            "<script>\n<iframe\n",
            "10.0.0.1\n",
        ] {
            assert_eq!(unlike(text.as_bytes(), Format::Lines), None, "{text}");
        }
        assert_eq!(unlike(b"\0\0", Format::Binary), None);
    }
}
