//! The control side: follows xenstore and the states of every device.
