"""The simulated providers besides Twilio, one module each."""
