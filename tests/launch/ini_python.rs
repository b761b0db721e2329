//! The agent's INI, read back by Python's own configparser, as the agent does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use freezerd::launch::ini;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

const CASES: usize = 2000;
const SEED: [u8; 32] = *b"the agent reads what we wrote...";

/// What means something to Python's parser, or leads from one option to another.
const PIECES: [&str; 19] = [
    "a", "b", "%", "%%", "%(a)s", "%(B)s", "%(", ")s", "%(a%%b)s", "\n", "\r\n", "\n\n", "\n\t", "\n  ",
    "\n#", "\n;", "\nb = c", "\n[b]", " ",
];

/// Characters that mean something to a parser of lines, Python's or ours.
fn text() -> impl Strategy<Value = String> {
    let spicy = proptest::sample::select(vec![
        '%', '$', '(', ')', 's', '=', ':', '#', ';', '[', ']', '\'', '"', '\\', ' ', '\t', '\n', '\r', '\0',
        'é', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{301}', '\u{2028}', '\u{3000}', '\u{fe0f}',
        '\u{e000}', '😀',
    ]);
    prop_oneof![
        4 => "[a-zA-Z0-9/._ -]{0,20}",
        3 => proptest::collection::vec(prop_oneof![Just('a'), Just('%'), Just('é'), spicy.clone()], 0..8)
            .prop_map(String::from_iter),
        1 => proptest::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
        3 => proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..6)
            .prop_map(|pieces| pieces.concat()),
        1 => spicy.prop_map(|found| format!("a{found}b")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        2 => any::<f64>().prop_map(Value::from),
        2 => (-1000_i32..1000, -8_i32..20).prop_map(|(digits, power)| json!(f64::from(digits) * 10_f64.powi(power))),
        8 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn action() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![20 => "[aAbc]", 30 => "[a-z]{1,6}([_.-][A-Za-z0-9]{1,4})?", 1 => text()];
    proptest::collection::vec((key, value()), 0..5).prop_map(|members| members.into_iter().collect())
}

#[test]
fn python_reads_what_it_reads_of_upstreams_file_and_nothing_else_is_refused() {
    eprintln!("seed: {:?}", String::from_utf8_lossy(&SEED));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let actions = action();
    let mut input = String::new();
    let mut refused = 0;
    for _ in 0..CASES {
        let action = actions.new_tree(&mut runner).expect("a case").current();
        let written = ini::render(&action).ok();
        refused += usize::from(written.is_none());
        input.push_str(&json!({"action": action, "ini": written}).to_string());
        input.push('\n');
    }
    assert!(
        (CASES / 20..CASES / 2).contains(&refused),
        "{refused} of {CASES} refused: bad cases"
    );

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/launch/read_back.py");
    let mut python = Command::new("python3")
        .arg(script)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    // It stops reading at the first case that is wrong; what it says of that comes below.
    let _ = python.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = python.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim(), format!("{CASES} cases, {refused} refused"));
}
