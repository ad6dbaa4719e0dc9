//! Users who ask once a second each, whether or not the ones before are answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::http::Line;
use super::scenario::Stage;
use crate::bench::pause;

/// Requests that may be under way at once.
const LINES: usize = 96;
const PATH: &str = "/api/v1/todos";
const STEP: Duration = Duration::from_millis(2);

/// What came of the requests of one second.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Milliseconds from when a request was due.
    pub(super) times: Vec<f64>,
}

/// What came of all requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) seconds: BTreeMap<u64, Second>,
    /// What was wrong, the first few.
    pub(super) failures: Vec<String>,
}

impl Tally {
    pub(super) fn answered(&self) -> u64 {
        self.seconds.values().map(|second| second.answered).sum()
    }

    pub(super) fn failed(&self) -> u64 {
        self.seconds.values().map(|second| second.failed).sum()
    }
}

/// A load that is under way.
#[derive(Debug)]
pub(super) struct Load {
    begun: Instant,
    stages: Vec<Stage>,
    stopped: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(port: u16, stages: Vec<Stage>) -> Self {
        let begun = Instant::now();
        let (stopped, tally) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Tally>>::default());
        let (due, dues) = channel();
        let dues = Arc::new(Mutex::new(dues));
        let mut threads: Vec<_> = (0..LINES)
            .map(|_| {
                let (dues, tally) = (Arc::clone(&dues), Arc::clone(&tally));
                spawn(move || ask(port, begun, &dues, &tally))
            })
            .collect();
        let (clock_stages, clock_stopped) = (stages.clone(), Arc::clone(&stopped));
        threads.push(spawn(move || keep_time(begun, &clock_stages, &clock_stopped, &due)));
        Self { begun, stages, stopped, tally, threads }
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Users now.
    pub(super) fn users(&self) -> f64 {
        users(&self.stages, self.begun.elapsed())
    }

    /// Stops asking, waits for the last answers, and says what came of all.
    pub(super) fn stop(self) -> Result<Tally> {
        self.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a thread of the load panicked"))?;
        }
        Ok(lock(&self.tally).clone())
    }
}

/// Users after some time, in even ramps from one stage's number to the next one's; the last number stays.
fn users(stages: &[Stage], at: Duration) -> f64 {
    let (mut begin, mut from) = (Duration::ZERO, 0.0);
    for stage in stages {
        let into = at.saturating_sub(begin);
        if into < stage.length {
            return from + (stage.users - from) * (into.as_secs_f64() / stage.length.as_secs_f64());
        }
        (begin, from) = (begin + stage.length, stage.users);
    }
    from
}

/// Says when each request is due.
fn keep_time(begun: Instant, stages: &[Stage], stopped: &AtomicBool, due: &Sender<Instant>) {
    let (mut last, mut owed) = (begun, 0.0);
    while !stopped.load(Ordering::Relaxed) {
        pause(STEP);
        let now = Instant::now();
        owed += users(stages, now - begun) * (now - last).as_secs_f64();
        last = now;
        while owed >= 1.0 {
            owed -= 1.0;
            // Those who ask outlive this thread.
            let _ = due.send(now);
        }
    }
}

/// One connection; ends when nobody says any more when a request is due.
fn ask(port: u16, begun: Instant, dues: &Mutex<Receiver<Instant>>, tally: &Mutex<Tally>) {
    let mut line = Line::new(port);
    loop {
        let due = lock(dues).recv();
        let Ok(due) = due else { return };
        let answer = line.ask("GET", PATH);
        let complaint = match answer {
            Ok(answer) if answer.status == 200 => None,
            Ok(answer) => Some(format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body))),
            Err(error) => Some(format!("{error:#}")),
        };
        let time = due.elapsed().as_secs_f64() * 1000.0;
        let mut tally = lock(tally);
        let second = tally.seconds.entry((due - begun).as_secs()).or_default();
        second.times.push(time);
        match complaint {
            None => second.answered += 1,
            Some(complaint) => {
                second.failed += 1;
                if tally.failures.len() < 10 {
                    let at = (due - begun).as_secs_f64();
                    tally.failures.push(format!("at {at:.1} s, after {time:.0} ms: {complaint}"));
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked is found when it is joined.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_evenly_and_the_last_number_stays() {
        let stage = |seconds, users| Stage { length: Duration::from_secs(seconds), users };
        let stages = [stage(0, 1.0), stage(10, 11.0), stage(20, 51.0), stage(0, 2.0)];
        for (at, want) in [(0, 1.0), (5, 6.0), (10, 11.0), (20, 31.0), (30, 2.0), (99, 2.0)] {
            assert!((users(&stages, Duration::from_secs(at)) - want).abs() < 1e-9, "{at}");
        }
    }
}
