//! The sole owner of the engine.

mod stepper;

pub use stepper::Stepper;
