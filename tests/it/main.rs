//! End-to-end tests, in one binary so that they link once.

mod admin;
mod bad_input;
mod balancing;
mod command_line;
mod configuration;
mod demo;
mod descriptors;
mod documents;
mod health;
mod hostile_plugins;
mod layer4;
mod layers;
mod plugin_answers;
mod plugin_files;
mod plugins;
mod reload;
mod routing;
mod scaling;
mod scaling_commands;
mod service_manager;
mod signals;
mod text;
mod tls;
mod upgrade;
mod war_stories;
