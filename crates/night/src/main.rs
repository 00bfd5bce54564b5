//! The command of `make night`.

use eiot_night::story::{Story, seconds};
use eiot_night::{ledger, night, shrink};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
usage: eiot-night [--seeds N | --seeds FROM..TO | --seed N] [--cards N] [--only PLACES] [--work N] [--commands | --network]
                  [--trace] [--first]

  --seeds N        the seeds 1 to N, 20 by default
  --seed N         one seed
  --cards N        the number of cards, 2000 by default
  --only PLACES    of what happens in the night, only these places of its list: 0,3,4, or none
  --work N         the number of cards that are refreshed, if fewer than --cards, which decides how long the night is
  --commands       all processes run the command
  --network        more happens to the network
  --trace          print all that happens
  --first          end at the first night in which a promise is broken, without making it smaller
";

/// What kind of stories the nights have.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    OfCommands,
    OfNetwork,
}

struct Options {
    first: u64,
    last: u64,
    cards: u64,
    work: Option<u64>,
    only: Option<Vec<usize>>,
    kind: Kind,
    trace: bool,
    /// End at the first night in which a promise is broken.
    first_only: bool,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            first: 1,
            last: 20,
            cards: 2000,
            work: None,
            only: None,
            kind: Kind::Any,
            trace: false,
            first_only: false,
        };
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            if argument == "--commands" {
                options.kind = Kind::OfCommands;
                continue;
            }
            if argument == "--network" {
                options.kind = Kind::OfNetwork;
                continue;
            }
            if argument == "--trace" {
                options.trace = true;
                continue;
            }
            if argument == "--first" {
                options.first_only = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
            let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a number"));
            match argument.as_str() {
                "--seed" => (options.first, options.last) = (number(&value)?, number(&value)?),
                "--seeds" => {
                    (options.first, options.last) = match value.split_once("..") {
                        Some((first, last)) => (number(first)?, number(last)?),
                        None => (1, number(&value)?),
                    }
                }
                "--cards" => options.cards = number(&value)?,
                "--work" => options.work = Some(number(&value)?),
                "--only" if value == "none" => options.only = Some(Vec::new()),
                "--only" => {
                    let places = value.split(',').map(|place| number(place).map(|place| place as usize));
                    options.only = Some(places.collect::<Result<_, _>>()?);
                }
                _ => return Err(format!("unknown option {argument}")),
            }
        }
        Ok(options)
    }

    fn story(&self, seed: u64) -> Story {
        let mut story = match self.kind {
            Kind::Any => Story::new(seed, self.cards),
            Kind::OfCommands => Story::of_commands(seed, self.cards),
            Kind::OfNetwork => Story::of_network(seed, self.cards),
        };
        if let Some(only) = &self.only {
            story.happenings.retain(|(place, _)| only.contains(place));
        }
        story.cards = self.work.unwrap_or(self.cards).min(self.cards);
        story
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("eiot-night: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let (mut requests, mut hours, mut failed, mut sum) = (0, 0.0, Vec::new(), 0_u64);
    for seed in options.first..=options.last {
        let story = options.story(seed);
        let report = night::live(&story, if options.trace { usize::MAX } else { 0 });
        requests += report.requests;
        hours += seconds(report.length) / 3600.0;
        sum = sum.rotate_left(1) ^ report.checksum;
        if options.trace {
            print!("{story}");
            report.lines.iter().for_each(|line| println!("{line}"));
        }
        if let Some(violation) = report.violations.first() {
            failed.push(seed);
            println!("seed {seed}: a promise was broken. {violation}");
            if options.first_only {
                break;
            }
            if !options.trace && failed.len() <= 3 {
                explain(&options, &story, violation.property);
            }
        }
    }
    let took = started.elapsed().as_secs_f64();
    let nights = options.last + 1 - options.first.min(options.last);
    println!(
        "{nights} nights, {hours:.0} simulated hours, {requests} requests in {took:.1} s; checksum {sum:016x}; failed: {}",
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the smallest story that breaks the promise, the end of its trace, and the command to see it again.
fn explain(options: &Options, story: &Story, property: ledger::Property) {
    let smallest = shrink::shrink(story, property);
    let report = night::live(&smallest, 60);
    println!("made smaller:\n{smallest}the last that happened until then:");
    report.lines.iter().for_each(|line| println!("  {line}"));
    let places: Vec<String> = smallest.happenings.iter().map(|(place, _)| place.to_string()).collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(",") };
    println!(
        "again: eiot-night --seed {} --cards {} --work {} --only {places}{} --trace\n",
        story.seed,
        options.cards,
        smallest.cards,
        match options.kind {
            Kind::Any => "",
            Kind::OfCommands => " --commands",
            Kind::OfNetwork => " --network",
        }
    );
}
