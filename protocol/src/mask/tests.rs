//! What is hidden in each syntax, and what stays.

use super::*;
use proptest::prelude::*;

fn shown_with(text: &str, known: &Known) -> String {
    match content(text.as_bytes(), &Rules::BUILTIN, known) {
        Shown::AsIs => text.to_owned(),
        Shown::Masked(masked) => String::from_utf8(masked.0).unwrap(),
        Shown::Not => "not shown".to_owned(),
    }
}

fn shown(text: &str) -> String {
    shown_with(text, &Known::new())
}

#[test]
fn values_of_several_lines_are_hidden_and_lines_stay() {
    for (text, expected) in [
        (
            "auth_tokens = [\n  \"s3cr\",  # old\n  'x]y',\n]\nn = 1\n",
            "auth_tokens = [\n  \"***\",  ***\n  '***',\n]\nn = 1\n",
        ),
        (
            "key_pem = 1\nprivate_key = \"\"\"\nab\ncd\n\"\"\"\nn = 1",
            "key_pem = 1\nprivate_key = \"\"\"\n***\n***\n\"\"\"\nn = 1",
        ),
        ("tokens:\n  - abc\n  - def\nother: 1\n", "tokens:\n  - ***\n  - ***\nother: 1\n"),
        ("tokens:\n- abc\n- def\nother: 1\n", "tokens:\n- ***\n- ***\nother: 1\n"),
        ("token: |\n  abc\n\n   def\nother: 1\n", "token: |\n  ***\n\n   ***\nother: 1\n"),
        ("a:\n  secret: >-\n    abc\n  b: 2\n", "a:\n  secret: >-\n    ***\n  b: 2\n"),
        (
            "secrets:\n  db: abc\n  web:\n    key: |\n      def\nother: 1",
            "secrets:\n  db: ***\n  web:\n    key: |\n      ***\nother: 1",
        ),
        ("password: correct horse\n  battery\nn: 1", "password: ***\n  ***\nn: 1"),
        (
            "a -----BEGIN EC PRIVATE KEY-----\r\nab\r\n-----END EC PRIVATE KEY-----\r\nb",
            "a -----BEGIN EC PRIVATE KEY-----\r\n***\r\n-----END EC PRIVATE KEY-----\r\nb",
        ),
        ("secret = <<EOT\nabc\nEOT\nn = 1\n", "secret = <<EOT\n***\nEOT\nn = 1\n"),
        ("API_KEY=abc\\\n  def\nn=1\n", "API_KEY=***\n  ***\nn=1\n"),
        ("<a><password>abc\ndef</password><n>1</n></a>", "<a><password>***\n***</password><n>1</n></a>"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn values_of_one_line_are_hidden_and_nothing_else() {
    for (text, expected) in [
        ("a: 1\napi_token: abc d\nb: 2\n", "a: 1\napi_token: ***\nb: 2\n"),
        (
            "{\"n\":1,\"Secret\":\"x\\\"y,z\",\"m\":{\"TOKEN\": 7777777}}",
            "{\"n\":1,\"Secret\":\"***\",\"m\":{\"TOKEN\": ***}}",
        ),
        ("{\"tokens\": [\"a\", \"b\"], \"n\": [1]}", "{\"tokens\": [\"***\", \"***\"], \"n\": [1]}"),
        (
            "{\"secret\": {\"a\": \"x\", \"b\": {\"c\": 1}}, \"n\": 2}",
            "{\"secret\": {\"a\": \"***\", \"b\": {\"c\": ***}}, \"n\": 2}",
        ),
        ("url=h?q=1&token=abc&x=2\n", "url=h?q=1&token=***&x=2\n"),
        ("db = \"Server=h;Password=a,b;Port=1\"\n", "db = \"Server=h;Password=***;Port=1\"\n"),
        ("password hunter2\nuser bob\n", "password ***\nuser bob\n"),
        ("machine h login u password zebra\n", "machine h login u password ***\n"),
        ("curl -H 'Authorization: Bearer abc def' h\n", "curl -H 'Authorization: ***' h\n"),
        ("proxy_set_header X-Api-Key \"abc\";\n", "proxy_set_header X-Api-Key \"***\";\n"),
        ("run --password abc --n 1\n", "run --password *** --n 1\n"),
        (
            "env:\n- name: DB_PASSWORD\n  value: abc\n- name: N\n  value: 1\n",
            "env:\n- name: DB_PASSWORD\n  value: ***\n- name: N\n  value: 1\n",
        ),
        ("[auth.tokens]\nci = \"abc\"\n[limits]\nn = 1\n", "[auth.tokens]\nci = \"***\"\n[limits]\nn = 1\n"),
        ("# password = abc\n", "# password = ***\n"),
        ("user:$apr1$abcdefgh$xyz\n", "user:***\n"),
        ("os.environ[\"TOKEN\"] = \"abc\"", "os.environ[\"TOKEN\"] = \"***\""),
        ("a = '{\\\"password\\\": \\\"abc\\\", \\\"n\\\": 1}'", "a = '{\\\"password\\\": \\\"***\\\", \\\"n\\\": 1}'"),
        ("name,api_token,n\r\na,\"x,\r\ny\",1\r\nb,,2", "name,api_token,n\r\na,\"***\r\n***\",1\r\nb,,2"),
        ("# made today\n\nname;api_token\na;abc\n", "# made today\n\nname;api_token\na;***\n"),
        ("\u{feff}name,api_token\na,abc\n", "\u{feff}name,api_token\na,***\n"),
        ("# token=abc\nname,api_token\na,abc\n", "# token=***\nname,api_token\na,***\n"),
        ("secret\tn\nx\t1\n", "secret\tn\n***\t1\n"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "name,type\nfeature_1,a\n",
        "max_tokens: 4096\ntoken_ttl = 30s\nsession: true\npassword = \"\"\n",
        "proxy_pass http://127.0.0.1:8080;\nauthor: bob\nroutes:\n  - path: /tokens\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "{\"rows\": [[\"a\", 1], [\"b\", 2]]}",
        "",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn messages_lose_secrets_and_keep_their_meaning() {
    let shown = |text: &str| message(text, &Rules::BUILTIN, &Known::new());
    for (text, expected) in [
        (
            "Config { password: Some(\"qx\"), tokens: [\"a\", \"b\"], n: 1 }",
            "Config { password: ***, tokens: [\"***\", \"***\"], n: 1 }",
        ),
        ("bad line 3: password: correct horse", "bad line 3: password: ***"),
        ("cannot reach https://bob:qx@h/x?token=abc&n=1", "cannot reach https://***@h/x?token=***&n=1"),
        ("got Bearer abc123 and password hunter2", "got Bearer *** and password ***"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "-----BEGIN PRIVATE KEY-----\n***"),
    ] {
        assert_eq!(shown(text), expected);
    }
    for text in [
        "reading /run/secrets/db_password: No such file or directory (os error 2)",
        "index out of bounds: the len is 200 but the index is 200",
        "unexpected token at line 3, column 7",
        "invalid token: expected a string",
        "rows = 240 exceeds the declared limit of 200",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn what_a_content_hid_is_hidden_in_errors_that_quote_it_bare() {
    let known = Known::new();
    assert_eq!(shown_with("password = \"quo!ted-Walrus77\"\n", &known), "password = \"***\"\n");
    assert_eq!(
        message("invalid type: string \"quo!ted-Walrus77\", expected u16", &Rules::BUILTIN, &known),
        "invalid type: string \"***\", expected u16"
    );
    assert_eq!(shown_with("# Walrus77 was the old one\n", &known), "# *** was the old one\n", "in other contents, too");
}

#[test]
fn rules_of_the_proxy_s_own_hold_without_ours() {
    let finder = |find: fn(&str) -> Vec<Range<usize>>| Some(Finder(std::sync::Arc::new(find)));
    let mut rules = Rules::default();
    let content = |text: &[u8], rules: &Rules| content(text, rules, &Known::new());
    assert!(!rules.hide() && content(b"password = abc\n", &rules) == Shown::AsIs);
    rules.add_name("Zeile");
    rules.prefixes.push(b"acme_".to_vec());
    rules.finder = finder(|text| text.match_indices("qq").map(|(at, _)| at..at + 2).collect());
    let Shown::Masked(masked) = content(b"password = acme_1\nzeile: true\nx qq y\n", &rules) else { panic!() };
    assert_eq!(masked.0, b"password = ***\nzeile: ***\nx *** y\n");
    assert_eq!(message("a qq acme_77", &rules, &Known::new()), "a *** ***");
    assert_eq!(content(b"caf\xe9 = 1\n", &rules), Shown::Not, "the finder reads UTF-8 only");
    rules.finder = finder(|_| panic!("the finder's own"));
    assert_eq!(content(b"x\n", &rules), Shown::Not);
    assert_eq!(message("x", &rules, &Known::new()), "***");
}

#[test]
fn a_content_with_zero_bytes_is_not_shown() {
    assert_eq!(shown("p\0a\0s\0s\0"), "not shown");
}

/// Pieces of texts that open, close and mislead.
const PIECES: [&str; 34] = [
    "password",
    "token",
    "api_key",
    "name",
    "value",
    "n",
    ":",
    "=",
    " ",
    "\n",
    "\r\n",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ";",
    "#",
    "\\",
    "|",
    ">",
    "<",
    "<<EOF",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "- ",
    "https://u:p@h",
    "é1x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_keeps_its_lines_and_does_not_change_when_masked_again(parts in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = parts.into_iter().map(|part| PIECES[part]).collect();
        let once = shown(&text);
        prop_assume!(once != "not shown");
        prop_assert_eq!(once.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(shown(&once), once);
        let _ = message(&text, &Rules::BUILTIN, &Known::new());
    }
}
