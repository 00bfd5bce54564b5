//! A Redis that a test starts.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A Redis on its own port, without files; stops with the test.
pub struct Redis {
    pub port: u16,
    arguments: Vec<String>,
    pub process: Child,
}

impl Redis {
    /// `None`, with a message, if this machine has none.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.to_string()).collect();
        let Some(process) = launch(port, &arguments) else {
            let required = std::env::var_os("EIOT_TEST_REDIS").is_some_and(|value| value == "required");
            assert!(!required, "no redis-server (on Debian: apt-get install redis-server)");
            println!("skipped: no redis-server (on Debian: apt-get install redis-server)");
            return None;
        };
        Some(Self { port, arguments, process })
    }

    pub fn stop(&mut self) {
        let _ = (self.process.kill(), self.process.wait());
    }

    pub fn start_again(&mut self) {
        self.process = launch(self.port, &self.arguments).expect("it has started before");
    }

    pub fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output();
        let output = String::from_utf8(output.expect("it comes with redis-server").stdout).expect("UTF-8");
        output.trim().to_owned()
    }

    /// The only key with this suffix.
    pub fn key(&self, end: &str) -> String {
        let keys = self.cli(&["--scan"]);
        let mut keys = keys.lines().filter(|key| key.ends_with(end));
        let key = keys.next().expect("a key").to_owned();
        assert_eq!(keys.next(), None);
        key
    }

    pub fn scope(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn launch(port: u16, arguments: &[String]) -> Option<Child> {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "redis-server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(process)
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}
