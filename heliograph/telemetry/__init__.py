"""Traces, metrics and logs: switched by the standard OTEL_* variables, and never holding personal data."""
