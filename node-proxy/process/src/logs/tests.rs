use std::sync::{Arc, Mutex};

use super::*;

#[test]
fn levels_are_read_when_settings_are() {
    for good in ["info", "warn,karez_link=debug", "off"] {
        assert!(LogLevel::from_str(good).is_ok(), "{good}");
    }
    for bad in ["karez=loud", "info,=="] {
        assert!(LogLevel::from_str(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_event_is_one_line_whatever_text_is_in_it() {
    let sink = Sink::default();
    let (lines, flush) = lines::start("log", sink.clone(), QUEUE).unwrap();
    let layer = tracing_subscriber::fmt::layer().with_writer(EventWriter { lines });
    let forged = "web\n2026-11-30T00:00:00Z ERROR karez_controller: forged\u{1b}[2K";
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::warn!(problem = %forged, "before {forged}");
    });
    drop(flush);
    let written = sink.text();
    assert_eq!(written.lines().count(), 1, "{written:?}");
    assert!(written.ends_with('\n') && !written.contains('\u{1b}'), "{written:?}");
    assert_eq!(written.matches("web\\n2026-11-30").count(), 2, "{written:?}");
}

/// Keeps the written bytes.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
