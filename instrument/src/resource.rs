//! Resource attributes: what the code says, then `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, then defaults.

use firstbad_protocol::names::attribute;

/// The attributes that the recorder carries. The code goes before the environment, the environment before the defaults.
pub(crate) fn complete(said: &[(String, String)], env: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut fill = |key: &str, value: String| {
        let value = value.replace('\0', "");
        if !value.is_empty() && !attributes.iter().any(|(known, _)| known == key) {
            attributes.push((key.replace('\0', ""), value));
        }
    };
    for (key, value) in said {
        fill(key, value.clone());
    }
    if let Some(name) = env("OTEL_SERVICE_NAME") {
        fill(attribute::SERVICE_NAME, name);
    }
    for pair in env("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default().split(',') {
        if let Some((key, value)) = pair.split_once('=') {
            fill(key.trim(), percent_decoded(value.trim()));
        }
    }
    fill(attribute::SERVICE_NAME, format!("unknown_service:{}", program()));
    fill(attribute::HOST_NAME, crate::raw::host_name());
    let path = std::env::current_exe().unwrap_or_default();
    fill(attribute::PROCESS_EXECUTABLE_PATH, path.to_string_lossy().into_owned());
    fill(attribute::SERVICE_INSTANCE_ID, uuid(crate::directory::random()));
    attributes
}

fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Random bits in the form of a UUID (version 4).
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let part = |shift: u32, bits_count: u32| bits >> shift & ((1 << bits_count) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48))
}

/// `%XX` in values, as the OpenTelemetry specification has them.
fn percent_decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = if *first == b'%' { after.get(..2) } else { None };
        let decoded = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_goes_before_the_environment_and_that_before_the_defaults() {
        let env = |name: &str| match name {
            "OTEL_SERVICE_NAME" => Some("from-env".to_owned()),
            "OTEL_RESOURCE_ATTRIBUTES" => Some("service.name=x, cloud.region=eu%2Dwest, host.name=h9,bad".to_owned()),
            _ => None,
        };
        let said = [("host.name".to_owned(), "h1".to_owned())];
        let found = complete(&said, env);
        let of = |key: &str| found.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        assert_eq!((of("host.name"), of("service.name")), (Some("h1"), Some("from-env")));
        assert_eq!(of("cloud.region"), Some("eu-west"));
        assert_eq!(of("service.instance.id").map(str::len), Some(36));
        assert!(complete(&[], |_| None).iter().any(|(_, value)| value.starts_with("unknown_service:")));
    }
}
