//! A Redis: the commands that the account's script uses, and Lua 5.1, as in the real one, to run the script itself.

use mlua::{Function, Lua, MultiValue, Table, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A Redis.
pub struct Redis {
    lua: Lua,
    scripts: HashMap<String, Function>,
    store: Rc<RefCell<Store>>,
}

/// The data. Times are microseconds since 1970.
#[derive(Default)]
struct Store {
    now: u64,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    value: Data,
    expires: Option<u64>,
}

enum Data {
    Text(String),
    Hash(BTreeMap<String, String>),
    /// Scores by member.
    Sorted(BTreeMap<String, f64>),
}

/// A command's reply.
enum Reply {
    Nothing,
    Number(i64),
    Status,
    Text(String),
    List(Vec<Reply>),
}

impl Default for Redis {
    /// An empty one.
    fn default() -> Self {
        let (lua, store) = (Lua::new(), Rc::new(RefCell::new(Store::default())));
        let inner = store.clone();
        let call = lua.create_function(move |lua, words: MultiValue| {
            let words: Vec<String> =
                words.into_iter().map(|word| word.to_string()).collect::<Result<_, _>>()?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let reply = inner.borrow_mut().run(&words).map_err(mlua::Error::RuntimeError)?;
            reply.into_lua(lua)
        });
        // The tables of a new Lua can be filled.
        let _ = call.and_then(|call| {
            let redis = lua.create_table()?;
            redis.set("call", call)?;
            lua.globals().set("redis", redis)
        });
        Self { lua, scripts: HashMap::new(), store }
    }
}

impl Redis {
    /// Starts again without data.
    pub fn clear(&mut self) {
        self.store.borrow_mut().entries.clear();
    }

    /// The reply to a command, both in the Redis protocol.
    pub fn command(&mut self, command: &[u8], now: SystemTime) -> Vec<u8> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.store.borrow_mut().now = since.as_micros() as u64;
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["EVAL", script, keys, rest @ ..] => match self.evaluate(script, keys.parse().unwrap_or(0), rest)
            {
                Ok(value) => encoded(&value),
                Err(why) => format!("-ERR {}\r\n", why.to_string().replace(['\r', '\n'], " ")).into_bytes(),
            },
            _ => b"-ERR unknown command\r\n".to_vec(),
        }
    }

    fn evaluate(&mut self, script: &str, keys: usize, rest: &[&str]) -> mlua::Result<Value> {
        let function = match self.scripts.get(script) {
            Some(function) => function.clone(),
            None => {
                let function = self.lua.load(script).into_function()?;
                self.scripts.insert(script.to_owned(), function.clone());
                function
            }
        };
        let (keys, arguments) = rest.split_at_checked(keys).unwrap_or((rest, &[]));
        let globals = self.lua.globals();
        globals.set("KEYS", self.lua.create_sequence_from(keys.iter().copied())?)?;
        globals.set("ARGV", self.lua.create_sequence_from(arguments.iter().copied())?)?;
        function.call(())
    }
}

/// The words of a command in the Redis protocol.
fn words(command: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(command);
    let mut words = Vec::new();
    let mut rest = text.split_once("\r\n").map_or("", |(_, rest)| rest);
    while let Some((length, after)) = rest.strip_prefix('$').and_then(|rest| rest.split_once("\r\n")) {
        let length = length.parse().unwrap_or(0);
        let Some(word) = after.get(..length) else { break };
        words.push(word.to_owned());
        rest = after.get(length + 2..).unwrap_or_default();
    }
    words
}

/// A script's result in the Redis protocol: numbers lose their fraction, and a list ends at the first nil.
fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::Integer(number) => format!(":{number}\r\n").into_bytes(),
        Value::Number(number) => format!(":{}\r\n", *number as i64).into_bytes(),
        Value::String(text) => {
            let text = text.to_string_lossy();
            format!("${}\r\n{text}\r\n", text.len()).into_bytes()
        }
        Value::Table(list) => {
            let items: Vec<Vec<u8>> =
                list.sequence_values::<Value>().map_while(Result::ok).map(|item| encoded(&item)).collect();
            let mut bytes = format!("*{}\r\n", items.len()).into_bytes();
            bytes.extend(items.concat());
            bytes
        }
        Value::Boolean(true) => b":1\r\n".to_vec(),
        _ => b"$-1\r\n".to_vec(),
    }
}

impl Reply {
    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        Ok(match self {
            // As Redis gives it to scripts.
            Self::Nothing => Value::Boolean(false),
            Self::Number(number) => Value::Number(number as f64),
            Self::Status => {
                let status = lua.create_table()?;
                status.set("ok", "OK")?;
                Value::Table(status)
            }
            Self::Text(text) => Value::String(lua.create_string(text)?),
            Self::List(items) => {
                let list: Table = lua.create_table()?;
                for item in items {
                    list.push(item.into_lua(lua)?)?;
                }
                Value::Table(list)
            }
        })
    }
}

impl Store {
    fn live(&mut self, key: &str) -> Option<&mut Entry> {
        let now = self.now;
        if self.entries.get(key)?.expires.is_some_and(|expires| expires <= now) {
            self.entries.remove(key);
        }
        self.entries.get_mut(key)
    }

    fn hash(&mut self, key: &str) -> Option<&mut BTreeMap<String, String>> {
        match &mut self.live(key)?.value {
            Data::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn sorted(&mut self, key: &str) -> Option<&mut BTreeMap<String, f64>> {
        match &mut self.live(key)?.value {
            Data::Sorted(sorted) => Some(sorted),
            _ => None,
        }
    }

    /// Runs one command; an error is what Redis would raise in the script.
    fn run(&mut self, words: &[&str]) -> Result<Reply, String> {
        let number = |text: &str| text.parse::<f64>().map_err(|_| format!("value is not a number: {text}"));
        let now = self.now;
        Ok(match words {
            ["TIME"] => Reply::List(vec![
                Reply::Text((now / 1_000_000).to_string()),
                Reply::Text((now % 1_000_000).to_string()),
            ]),
            ["HMGET", key, fields @ ..] => {
                let hash = self.hash(key);
                let get = |field: &&str| hash.as_ref().and_then(|hash| hash.get(*field)).cloned();
                Reply::List(
                    fields.iter().map(|field| get(field).map_or(Reply::Nothing, Reply::Text)).collect(),
                )
            }
            ["HSET", key, pairs @ ..] => {
                if self.live(key).is_none() {
                    self.entries.insert(
                        (*key).to_owned(),
                        Entry { value: Data::Hash(BTreeMap::new()), expires: None },
                    );
                }
                let hash = self.hash(key).ok_or("WRONGTYPE")?;
                for pair in pairs.chunks_exact(2) {
                    if let [field, value] = pair {
                        hash.insert((*field).to_owned(), (*value).to_owned());
                    }
                }
                Reply::Number(0)
            }
            ["EXPIRE", key, seconds] => {
                let end = now + Duration::from_secs_f64(number(seconds)?).as_micros() as u64;
                let entry = self.live(key);
                let is_there = entry.is_some();
                if let Some(entry) = entry {
                    entry.expires = Some(end);
                }
                Reply::Number(i64::from(is_there))
            }
            ["PTTL", key] => Reply::Number(match self.live(key) {
                None => -2,
                Some(Entry { expires: None, .. }) => -1,
                Some(Entry { expires: Some(end), .. }) => (end.saturating_sub(now) / 1000) as i64,
            }),
            ["SET", key, value, "PX", milliseconds] => {
                let expires = Some(now + number(milliseconds)? as u64 * 1000);
                self.entries
                    .insert((*key).to_owned(), Entry { value: Data::Text((*value).to_owned()), expires });
                Reply::Status
            }
            ["GET", key] => match self.live(key) {
                Some(Entry { value: Data::Text(text), .. }) => Reply::Text(text.clone()),
                Some(_) => return Err("WRONGTYPE".to_owned()),
                None => Reply::Nothing,
            },
            ["DEL", key] => Reply::Number(i64::from(self.entries.remove(*key).is_some())),
            ["ZADD", key, score, member] => {
                let score = number(score)?;
                if self.live(key).is_none() {
                    self.entries.insert(
                        (*key).to_owned(),
                        Entry { value: Data::Sorted(BTreeMap::new()), expires: None },
                    );
                }
                let sorted = self.sorted(key).ok_or("WRONGTYPE")?;
                Reply::Number(i64::from(sorted.insert((*member).to_owned(), score).is_none()))
            }
            ["ZCARD", key] => Reply::Number(self.sorted(key).map_or(0, |sorted| sorted.len() as i64)),
            ["ZRANGE", key, "0", "0"] => {
                let sorted = self.sorted(key);
                let first = sorted.and_then(|sorted| {
                    sorted
                        .iter()
                        .min_by(|one, other| one.1.total_cmp(other.1).then_with(|| one.0.cmp(other.0)))
                });
                Reply::List(first.map(|(member, _)| Reply::Text(member.clone())).into_iter().collect())
            }
            ["ZREM", key, member] => {
                let removed = self.sorted(key).and_then(|sorted| sorted.remove(*member));
                Reply::Number(i64::from(removed.is_some()))
            }
            ["ZREMRANGEBYSCORE", key, "-inf", end] => {
                let end = number(end.strip_prefix('(').ok_or("the end is exclusive here")?)?;
                let before = self.sorted(key).map_or(0, |sorted| {
                    let before = sorted.len();
                    sorted.retain(|_, score| *score >= end);
                    before - sorted.len()
                });
                Reply::Number(before as i64)
            }
            _ => return Err(format!("unknown command or arguments: {words:?}")),
        })
    }
}
