//! `eiot webhook verify`.

use crate::run::{Outcome, eiot, run, vectors};
use std::path::PathBuf;

fn verify(name: &str, payload: &str, secret: &str, flags: &[&str]) -> Outcome {
    let file: PathBuf = std::env::temp_dir().join(format!("eiot-verify-{name}-{}", std::process::id()));
    std::fs::write(&file, payload).expect("written");
    let mut command = eiot(&["webhook", "verify"]);
    let outcome = run(command.arg(&file).args(flags).env("EIOT_SECRET", secret));
    std::fs::remove_file(&file).expect("there");
    outcome
}

#[test]
fn webhook_of_every_vector_is_genuine_and_with_another_secret_none_is() {
    let file = vectors(include_str!("../../../../tests/vectors/webhooks.json"));
    for case in file["cases"].as_array().expect("a list") {
        let text = |field: &str| case[field].as_str().expect("text");
        let flags = ["--sign-method", text("method")];
        let genuine = verify("vector", text("payload"), text("secret"), &flags);
        assert_eq!((genuine.exit_code, genuine.stdout.as_str()), (Some(0), "genuine\n"), "{case}");
        let forged = verify("vector", text("payload"), "canary-hunter2", &flags);
        assert_eq!((forged.exit_code, forged.stdout.as_str()), (Some(3), ""), "{case}");
        assert!(forged.stderr.contains("does not match"), "{forged:?}");
    }
}

#[test]
fn webhook_that_is_old_or_unreadable_is_refused() {
    let file = vectors(include_str!("../../../../tests/vectors/webhooks.json"));
    let case = &file["cases"][0];
    let (payload, secret) = (case["payload"].as_str().expect("text"), case["secret"].as_str().expect("text"));
    let old = verify("old", payload, secret, &["--max-age", "300"]);
    assert!(old.exit_code == Some(3) && old.stderr.contains(" s old"), "{old:?}");
    let unreadable = verify("unreadable", "<html>", secret, &[]);
    assert!(
        unreadable.exit_code == Some(3) && unreadable.stderr.contains("not a JSON object"),
        "{unreadable:?}"
    );
    let absent = run(eiot(&["webhook", "verify", "/nonexistent/webhook"]).env("EIOT_SECRET", secret));
    assert!(absent.exit_code == Some(2) && absent.stderr.contains("/nonexistent/webhook"), "{absent:?}");
    assert_eq!(run(&mut eiot(&["webhook", "verify"])).exit_code, Some(2), "no secret");
}
