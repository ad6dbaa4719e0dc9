//! Reads the Terraform files of a load balancer and an Auto Scaling group, and writes an Equipoise configuration that does
//! the same on any machine.
//!
//! This crate refuses to know how a configuration is checked or run.
