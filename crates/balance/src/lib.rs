//! Which target takes a request.

mod picker;

pub use picker::{PickRequest, Picker, PickerSource, Tried};
