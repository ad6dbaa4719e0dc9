//! An instance's page of metrics, fetched. Bounded in time and size; what is not a page as it should be is no page.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use equipoise_health::{FetchError, Limits, fetch};
use equipoise_metrics::page::{self, PageError};
use equipoise_scale::Scrape;
use equipoise_target::Endpoint;
use http::{Request, StatusCode, header};

/// The largest page that is read: several thousand series.
const LARGEST: usize = 1024 * 1024;

/// The longest wait for a page, unless pages are read more often than that.
const LONGEST: Duration = Duration::from_secs(5);

/// What is asked for: both formats are the same to us.
const ACCEPT: &str = "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.9";

/// The metrics that were asked for and are there.
pub(super) type Page = BTreeMap<Box<str>, f64>;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageFailure {
    #[error("`{0}` is no path")]
    Path(String),
    #[error("{}", .0.reason())]
    Fetch(#[from] FetchError),
    #[error("answered with status {0}")]
    Status(StatusCode),
    #[error("the page is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the page is not UTF-8")]
    NotText,
    #[error(transparent)]
    Malformed(#[from] PageError),
}

/// Reads the page of the instance at `address`.
pub(super) async fn fetch_page(scrape: &Scrape, address: Endpoint) -> Result<Page, PageFailure> {
    let address = match (address.socket(), scrape.port) {
        (Some(mut socket), Some(port)) => {
            socket.set_port(port);
            socket.into()
        }
        _ => address,
    };
    let request = Request::get(&scrape.path).header(header::ACCEPT, ACCEPT).body(Bytes::new());
    let request = request.map_err(|_| PageFailure::Path(scrape.path.clone()))?;
    let limits = Limits { time: LONGEST.min(scrape.interval), body: LARGEST };
    let answer = fetch(address, request, limits).await?;
    if answer.head.status != StatusCode::OK {
        return Err(PageFailure::Status(answer.head.status));
    }
    if !answer.complete {
        return Err(PageFailure::TooLarge);
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| PageFailure::NotText)?;
    let values = page::read(text, |name| scrape.metrics.iter().any(|wanted| wanted == name))?;
    Ok(values.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
