//! End-to-end tests, in one binary so that they link once.

mod admin;
mod bad_input;
mod balancing;
mod command_line;
mod configuration;
mod demo;
mod health;
mod layers;
mod plugins;
mod reload;
mod routing;
mod signals;
mod text;
mod war_stories;
