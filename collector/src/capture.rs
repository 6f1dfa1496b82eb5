//! Captures: OTLP/JSON lines in files, compressed files or standard input, read in time order whatever their size.
