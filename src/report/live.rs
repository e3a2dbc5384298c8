//! Bars on a terminal: one line a server, one for all. It owns standard error while it lives.

use super::human::{self, Level, Memory};
use super::phrase::{mark_of, phrase, tone_of};
use super::text::clean_to;
use super::words::count;
use super::{Paint, Reporter, Sink};
use crate::model::{Event, ServerId, Verdict, What};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Most servers with a bar of their own at one time; the rest is in the bar for all.
const MOST_BARS: usize = 12;

/// How often spinners turn and elapsed times count on.
const TICK: Duration = Duration::from_millis(120);

/// Columns and rows of a terminal that does not tell.
const ASSUMED: (u16, u16) = (80, 24);

/// Columns and rows of the terminal behind a stream; `None` where it is none or does not tell.
#[cfg(unix)]
pub fn size_of(stream: &impl std::os::fd::AsFd) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Columns and rows of the terminal behind a stream; here no stream tells.
#[cfg(not(unix))]
pub fn size_of<T>(_stream: &T) -> Option<(u16, u16)> {
    None
}

/// A terminal on a stream: what it measures is asked anew at each drawing.
#[derive(Clone)]
pub struct Screen {
    sink: Sink,
    size: Arc<dyn Fn() -> (u16, u16) + Send + Sync>,
    lost: Arc<AtomicBool>,
}

impl Screen {
    /// A terminal of columns and rows as `size` tells.
    pub fn new(sink: Sink, size: impl Fn() -> (u16, u16) + Send + Sync + 'static) -> Self {
        Self { sink, size: Arc::new(size), lost: Arc::default() }
    }

    /// The terminal behind this process's standard error, on which `sink` must write.
    pub fn of_stderr(sink: Sink) -> Self {
        Self::new(sink, || size_of(&io::stderr()).unwrap_or(ASSUMED))
    }

    fn put(&self, text: &str) -> io::Result<()> {
        let put = self.sink.all(text.as_bytes());
        if put.is_err() {
            // The drawing library keeps errors of its ticking thread to itself.
            self.lost.store(true, Ordering::Relaxed);
        }
        put
    }

    fn jump(&self, count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.put(&format!("\u{1b}[{count}{direction}")) }
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        (self.size)().0
    }
    fn height(&self) -> u16 {
        (self.size)().1
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.jump(n, 'A')
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.jump(n, 'B')
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.jump(n, 'C')
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.jump(n, 'D')
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(&format!("{text}\r\n"))
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\u{1b}[2K")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

type Key = (Option<String>, ServerId);

/// Draws bars.
pub struct Live {
    screen: Screen,
    bars: MultiProgress,
    servers: BTreeMap<Key, ProgressBar>,
    whole: Option<ProgressBar>,
    memory: Memory,
    level: Level,
    paint: Paint,
    done: usize,
    bad: usize,
    total: usize,
}

impl Live {
    /// Draws on this terminal. Lines that deserve to stay (verdicts, warnings) scroll above the bars.
    pub fn new(screen: Screen, level: Level, paint: Paint) -> Self {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 12);
        Self {
            bars: MultiProgress::with_draw_target(target),
            screen,
            servers: BTreeMap::new(),
            whole: None,
            memory: Memory::default(),
            level,
            paint,
            done: 0,
            bad: 0,
            total: 0,
        }
    }

    /// Hides the bars while something else writes to the terminal, such as a question.
    pub fn pause<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        self.bars.suspend(meanwhile)
    }

    fn open(&mut self, total: usize) {
        self.total = total;
        if total > 1 {
            let style = style("{spinner} {pos}/{len} done  {wide_msg} {elapsed_precise}");
            let whole = self.bars.add(ProgressBar::new(total as u64).with_style(style));
            whole.enable_steady_tick(TICK);
            self.whole = Some(whole);
        }
    }

    fn server(&mut self, event: &Event, key: Key) {
        if let What::Verdict { verdict, .. } = event.what {
            self.count(verdict);
            if let Some(bar) = self.servers.remove(&key) {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
            return;
        }
        let begins = !matches!(event.what, What::Planned(_) | What::Notice { .. });
        if !self.servers.contains_key(&key) {
            let room = usize::from(self.screen.height()).saturating_sub(4).clamp(1, MOST_BARS);
            if !begins || self.servers.len() >= room {
                return;
            }
            let bar = ProgressBar::new_spinner().with_style(style("{spinner} {prefix}  {wide_msg} {elapsed_precise}"));
            let bar = self.bars.insert_from_back(usize::from(self.whole.is_some()), bar);
            bar.set_prefix(clean_to(&self.memory.subject(event), 60));
            bar.enable_steady_tick(TICK);
            self.servers.insert(key.clone(), bar);
        }
        if let Some(bar) = self.servers.get(&key) {
            if matches!(event.what, What::OrderIntent { .. }) {
                bar.reset_elapsed();
            }
            bar.set_message(phrase(&event.what).text);
        }
    }

    fn tally(&self) {
        if let Some(whole) = &self.whole {
            whole.set_position(self.done as u64);
            let bad = if self.bad == 0 { String::new() } else { format!(", {} not well", self.bad) };
            whole.set_message(format!("{} under way{bad}", count(self.servers.len(), "server")));
        }
    }
}

impl Reporter for Live {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        self.memory.take(event);
        if let What::RunOpened(head) = &event.what {
            self.open(head.total);
        }
        // What a bar shows need not scroll by as well, unless it was asked for.
        let stays = match self.level {
            Level::Quiet | Level::Normal => {
                Level::Quiet.shows(phrase(&event.what).weight) || matches!(event.what, What::Verdict { .. })
            }
            Level::Verbose | Level::Everything => self.level.shows(phrase(&event.what).weight),
        };
        if let Some(instance) = event.instance.clone() {
            self.server(event, (event.provider.clone(), instance));
        }
        if stays && let Some(line) = line(event, &self.memory, self.level, self.paint) {
            self.bars.println(line)?;
        }
        self.tally();
        if let What::RunClosed { .. } = event.what {
            self.clear();
        }
        if self.screen.lost.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the terminal no longer takes output"));
        }
        Ok(())
    }

    fn recall(&mut self, event: &Event) {
        self.memory.take(event);
        match &event.what {
            What::RunOpened(head) => self.open(head.total),
            What::Verdict { verdict, .. } => self.count(*verdict),
            _ => {}
        }
        self.tally();
    }
}

impl Live {
    fn count(&mut self, verdict: Verdict) {
        self.done += 1;
        self.bad += usize::from(verdict.counts_as_failure());
    }

    fn clear(&mut self) {
        for bar in std::mem::take(&mut self.servers).into_values().chain(self.whole.take()) {
            bar.finish_and_clear();
        }
        // A terminal that is gone has been noticed already.
        let _ = self.bars.clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Verdicts carry their mark, everything else reads as in a log.
fn line(event: &Event, memory: &Memory, level: Level, paint: Paint) -> Option<String> {
    let line = human::line(event, memory, level, paint);
    match event.what {
        What::Verdict { verdict, .. } => {
            line.map(|line| format!("{} {line}", paint.tone(tone_of(verdict), mark_of(verdict))))
        }
        _ => line,
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
