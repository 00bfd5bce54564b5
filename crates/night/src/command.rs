//! The command: an operator has a file of cards, runs `eiot refresh` over it, and starts it again until there is nothing left to do.

use crate::books::{End, Entry, entries, not_again};
use crate::engine::{Ended, Time};
use crate::ledger::Property;
use crate::platform::{APPKEY, Card, SECRET, card, eid, has_package};
use crate::random::Random;
use crate::story::{Happening, Plan, Program, Task};
use crate::world::World;
use crate::world::host::{Inside, Node};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

/// An operator waits this long before the command is started again: longer than the platform's five minutes for a card.
const PAUSE: Duration = Duration::from_secs(400);

/// An operator and the files of the job, over all lives of its process.
pub struct Operator {
    world: Rc<World>,
    plan: Plan,
    index: usize,
    node: Rc<Node>,
    task: Task,
    concurrency: usize,
    /// The rows of the input, as the results name them: a malformed text is quoted.
    rows: Vec<String>,
    process: Cell<Option<u32>>,
    inside: RefCell<Option<Rc<Inside>>>,
    exit_code: Rc<Cell<Option<u8>>>,
    started: Cell<Time>,
    had_power_failure: Cell<bool>,
    is_finished: Cell<bool>,
}

/// Schedules the operators of a night.
pub fn schedule(world: &Rc<World>) -> Vec<Rc<Operator>> {
    let plans = world.story.processes.iter().enumerate();
    let operators: Vec<_> = plans.filter_map(|(index, plan)| Operator::new(world, index, plan)).collect();
    for operator in &operators {
        let starting = operator.clone();
        world.engine.at(operator.plan.starts, move |_| starting.start());
    }
    for (_, happening) in &world.story.happenings {
        for operator in operators.iter().cloned() {
            match *happening {
                Happening::Kill { at, process, again } if process == operator.index => {
                    world.engine.at(at, move |_| operator.kill_soon(again));
                }
                Happening::Stop { at, process, length } if process == operator.index => {
                    world.engine.at(at, move |_| operator.stop(length));
                }
                Happening::Interrupt { at, process } if process == operator.index => {
                    world.engine.at(at, move |_| operator.interrupt());
                }
                Happening::PowerFailure { at, node, again } if node == operator.node.index => {
                    // Before the disk of the machine, which the world's event changes at the same time.
                    world.engine.at(at, move |_| operator.lose_power(again));
                }
                _ => {}
            }
        }
    }
    operators
}

impl Operator {
    fn new(world: &Rc<World>, index: usize, plan: &Plan) -> Option<Rc<Self>> {
        let Program::Command(task, concurrency) = plan.program else { return None };
        let node = world.nodes.get(plan.node)?.clone();
        let mut random = world.random.fork(&format!("operator {index}"));
        let count = world.story.processes.len();
        let cards = (0..world.story.cards).filter(|card| *card as usize % count == index);
        let input = rows(cards, task, &mut random);
        let rows = input
            .iter()
            .map(|row| if card(row).is_some() { row.clone() } else { format!("{row:?}") })
            .collect();
        let operator = Self {
            world: world.clone(),
            plan: plan.clone(),
            index,
            node,
            task,
            concurrency,
            rows,
            process: Cell::new(None),
            inside: RefCell::default(),
            exit_code: Rc::default(),
            started: Cell::new(0),
            had_power_failure: Cell::new(false),
            is_finished: Cell::new(false),
        };
        operator.node.disk.make_directory(format!("/job{index}"));
        operator.node.disk.put(&operator.path("cards"), text(&input, task).as_bytes());
        Some(Rc::new(operator))
    }

    /// Whether there is nothing left to do, and the command has said so.
    pub fn is_finished(&self) -> bool {
        self.is_finished.get()
    }

    fn path(&self, name: &str) -> String {
        format!("/job{}/{name}", self.index)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        self.node.disk.get(&self.path(name)).unwrap_or_default()
    }

    fn arguments(&self) -> Vec<OsString> {
        let concurrency = self.concurrency.to_string();
        let files = ["from", "journal", "out", "summary", "metrics"];
        let names = ["cards", "journal", "out", "summary", "metrics"].map(|name| self.path(name));
        let flags = files.iter().zip(&names).flat_map(|(flag, path)| [format!("--{flag}"), path.clone()]);
        let what: &[&str] = match self.task {
            Task::Refresh => &["refresh"],
            Task::RefreshThenGet => &["refresh", "--then-get"],
            Task::Order => &["call", "/api/v3/cloudesim/purchase", r#"{"packageCode":"p"}"#],
        };
        let output = ["--json", "--concurrency", &concurrency];
        let words = ["eiot"].iter().chain(what).chain(&output);
        words.map(|word| (*word).to_owned()).chain(flags).map(OsString::from).collect()
    }

    /// The environment of the command.
    fn variables(&self) -> Vec<(String, String)> {
        let options = self.world.rate_options(self.node.index).into_iter();
        let options = options.map(|(name, value)| (format!("EIOT_{}", name.to_uppercase()), value));
        [
            ("EIOT_APPKEY", APPKEY),
            ("EIOT_SECRET", SECRET),
            ("EIOT_TIMEOUT", "30"),
            ("EIOT_CONNECT_TIMEOUT", "5"),
            ("EIOT_CA_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/src/ca.pem")),
            ("TZ", "UTC0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .chain(options)
        .collect()
    }

    fn start(self: Rc<Self>) {
        if self.process.get().is_some() || self.is_finished() {
            return;
        }
        let (world, engine) = (self.world.clone(), self.world.engine.clone());
        let (arguments, exit_code, ending) = (self.arguments(), self.exit_code.clone(), self.clone());
        exit_code.set(None);
        self.started.set(engine.now());
        let id = engine.start(
            |process| {
                let inside = Inside::new(world.clone(), self.node.clone(), process, self.variables());
                world.add(&inside);
                *self.inside.borrow_mut() = Some(inside.clone());
                inside
            },
            move |_| exit_code.set(Some(eiot_cli::run(arguments))),
            move |_, ended| ending.ended(ended),
        );
        self.process.set(Some(id));
        world
            .ledger
            .must_not_call(id, not_again(&self.file("journal")).iter().filter_map(|eid| card(eid)).collect());
        world
            .note(&[40, u64::from(id)], || format!("process {id} starts: eiot refresh (job {})", self.index));
    }

    fn ended(self: Rc<Self>, ended: Ended) {
        let Some(id) = self.process.take() else { return };
        let now = self.world.engine.now();
        let told = self.inside.take().map(|inside| inside.session.take_stderr()).unwrap_or_default();
        self.world.remove(id);
        let exit_code = self.exit_code.get().unwrap_or(255);
        self.world.note(&[41, u64::from(id), u64::from(exit_code)], || {
            format!(
                "process {id} ends with {exit_code} ({ended:?}): {}",
                String::from_utf8_lossy(&told).trim_end()
            )
        });
        if let Ended::Panicked(text) = ended {
            self.world.ledger.violated(Property::NoPanic, now, text);
        }
        let (journal, output, summary) = (self.file("journal"), self.file("out"), self.file("summary"));
        let end = End {
            rows: &self.rows,
            journal: &journal,
            output: &output,
            summary: Some(&summary),
            exit_code,
            acted: &|eid| card(eid).map_or(0, |card| self.world.ledger.acted(card)),
            had_power_failure: self.had_power_failure.get(),
            was_full: self.node.last_full.get().is_some_and(|last| last >= self.started.get())
                || self.node.disk.is_full(),
        };
        for text in end.violations() {
            self.world.ledger.violated(Property::Books, now, text);
        }
        if matches!(exit_code, 70 | 255) || (exit_code == 2 && !self.has_malformed()) {
            let text = format!("exit code {exit_code}: {}", String::from_utf8_lossy(&told));
            self.world.ledger.violated(Property::ExitCode, now, text);
        }
        if self.is_done(&journal) {
            self.is_finished.set(true);
            let is_clean = entries(&journal).0.iter().all(|entry| entry.is_ok() || !entry.is_done());
            // 130 is a run that was interrupted while it finished its last calls.
            if is_clean && !matches!(exit_code, 0 | 130) {
                let text = format!("every card is refreshed, and the exit code is {exit_code}");
                self.world.ledger.violated(Property::ExitCode, now, text);
            }
            return;
        }
        let engine = self.world.engine.clone();
        engine.after(PAUSE, move |_| self.start());
    }

    /// Whether every row has its final result.
    fn is_done(&self, journal: &[u8]) -> bool {
        let (results, _) = entries(journal);
        let done: BTreeSet<_> =
            results.iter().filter(|entry| Entry::is_done(entry)).map(|entry| entry.eid.as_str()).collect();
        self.rows.iter().all(|row| done.contains(row.as_str()))
    }

    fn has_malformed(&self) -> bool {
        self.rows.iter().any(|row| card(row).is_none())
    }

    fn kill(self: Rc<Self>, again: Duration, how: &str) {
        let Some(id) = self.process.take() else { return };
        self.world.note(&[42, u64::from(id)], || format!("process {id} {how}"));
        self.world.engine.kill(id);
        self.inside.take();
        self.world.remove(id);
        let engine = self.world.engine.clone();
        engine.after(again, move |_| self.start());
    }

    /// Kills the process where it is, or in the middle of one of its next changes of a file.
    fn kill_soon(self: Rc<Self>, again: Duration) {
        let mut random = self.world.random.fork(&format!("kill {}", self.world.engine.now()));
        let inside = self.inside.borrow().clone();
        match inside.filter(|_| random.chance(700_000)) {
            None => self.kill(again, "is killed"),
            Some(inside) => {
                let (engine, id) = (self.world.engine.clone(), self.process.get());
                inside.set_trap(random.below(5), move || {
                    let now = engine.now();
                    engine.at(now, move |_| {
                        if self.process.get() == id {
                            self.kill(again, "is killed in the middle of a change");
                        }
                    });
                });
            }
        }
    }

    fn lose_power(self: Rc<Self>, again: Duration) {
        self.had_power_failure.set(true);
        self.kill(again, "loses its machine");
    }

    fn stop(&self, length: Duration) {
        let Some(id) = self.process.get() else { return };
        self.world.engine.set_stopped(id, true);
        self.world.engine.after(length, move |engine| engine.set_stopped(id, false));
    }

    /// Ctrl-C.
    fn interrupt(self: Rc<Self>) {
        let is_first = self.inside.borrow().as_ref().is_none_or(|inside| inside.session.signal());
        self.world.note(&[43], || format!("SIGINT to job {}, the first one: {is_first}", self.index));
        if !is_first {
            self.kill(PAUSE, "is interrupted for the second time");
        }
    }
}

/// The rows of a file: these cards, some of them twice, and in some files cards that do not exist and rows that are not EIDs.
fn rows(cards: impl Iterator<Item = Card>, task: Task, random: &mut Random) -> Vec<String> {
    let is_clean = random.chance(500_000);
    let cards: Vec<Card> = cards.filter(|card| !is_clean || has_package(*card)).collect();
    let mut rows = Vec::new();
    for (place, card) in cards.iter().enumerate() {
        rows.push(eid(*card));
        if random.chance(30_000) {
            let other = random.below(place as u64 + 1) as usize;
            rows.extend(cards.get(other).map(|card| eid(*card)));
        }
        if task != Task::Order && !is_clean && random.chance(10_000) {
            rows.push("8.9E+31".to_owned());
        }
    }
    rows
}

/// The file with these rows. An order has the number of its card.
fn text(rows: &[String], task: Task) -> String {
    match task {
        Task::Refresh | Task::RefreshThenGet => rows.join("\n"),
        Task::Order => {
            let rows = rows.iter().map(|eid| format!("{eid},A{eid}\n"));
            "eid,outTradeNo\n".to_owned() + &rows.collect::<String>()
        }
    }
}
