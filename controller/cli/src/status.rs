//! `karez status`: what the controller knows, and what is wrong with it.
//!
//! * [`view`] – the answer as JSON shows it
//! * [`mod@findings`] – pure: what is wrong
//! * [`mod@text`] – pure: the tables

mod findings;
mod text;
mod view;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::controller::Controller;
use crate::failure::Failure;
use crate::output;
use crate::settings::{ControllerAddress, Format};

pub use findings::findings;
pub use text::{roots_table, text, way_out};
pub use view::{RootView, StatusView};

/// Shows it.
///
/// # Errors
/// When the controller cannot be asked, or something is wrong.
pub async fn show(address: &ControllerAddress, format: Format) -> Result<(), Failure> {
    let reply = Controller::connect(address).await?.status().await?;
    // A clock before 1970 only makes the spans wrong.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let findings = findings(&reply, now);
    match format {
        Format::Json => output::json(&StatusView::of(&reply, &findings))?,
        Format::Text => output::text(&text(&reply, &findings, now))?,
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Found) }
}
