"""Trace context is carried as W3C text, and asks for nothing when tracing is off."""

import pytest
from opentelemetry import trace

from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.providers.protocol import Accepted, ProviderError, Refused
from heliograph.telemetry.calls import BatchCalls, provider_call
from heliograph.telemetry.metrics import Route
from heliograph.telemetry.tracing import continued, current_traceparent, span, untraced
from tests.telemetry.conftest import Watched

ROUTE = Route("twilio", Channel.SMS, Category.OTP)


def test_without_tracing_there_is_nothing_to_carry_and_nothing_to_continue() -> None:
    with span("work"), continued("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), untraced():
        assert current_traceparent() is None


def test_the_context_goes_out_and_comes_back(watched: Watched) -> None:
    with span("request"):
        stored = current_traceparent()
    assert stored is not None
    assert stored.startswith("00-")
    with continued(stored), span("dispatch"):
        pass
    request, dispatch = watched.span("request"), watched.span("dispatch")
    assert dispatch.parent is not None
    assert request.context is not None
    assert (dispatch.parent.trace_id, dispatch.parent.span_id) == (request.context.trace_id, request.context.span_id)
    assert current_traceparent() is None, "the context ends with its block"


@pytest.mark.parametrize("wrong", [None, "", "nonsense", "00-00000000000000000000000000000000-0000000000000000-01"])
def test_a_traceparent_that_names_nothing_changes_nothing(watched: Watched, wrong: str | None) -> None:
    with span("outer"), continued(wrong), span("inner"):
        pass
    inner, outer = watched.span("inner"), watched.span("outer")
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id


def test_untraced_work_makes_no_spans_but_a_stored_trace_goes_on_inside(watched: Watched) -> None:
    with span("request"):
        stored = current_traceparent()
    with untraced():
        with span("round"):
            pass
        with continued(stored), span("dispatch"):
            pass
    assert [each.name for each in watched.spans()] == ["request", "dispatch"]


def test_a_batch_keeps_its_first_calls_and_its_troubled_ones(watched: Watched) -> None:
    refusal = Refused(ProviderError(ErrorClass.RECIPIENT, "21211", "to +4915112345678 is invalid"))
    with span("batch"):
        calls = BatchCalls(ROUTE, first=2, troubled=3)
    for number in range(10):
        calls.ended(Accepted(f"SM{number}", "queued"), 0.05, 0.05, f"reference.{number}")
        calls.ended(refusal, 0.01, 0.01, f"reference.{number}")
    calls.flush()
    calls.flush()
    sends = [each for each in watched.spans() if each.name == "send twilio"]
    assert len(sends) == 5
    refused = [each for each in sends if each.status.status_code is trace.StatusCode.ERROR]
    assert len(refused) == 3
    assert refused[0].status.description == "to [phone] is invalid"
    assert refused[0].start_time is not None
    assert refused[0].end_time is not None
    assert refused[0].end_time - refused[0].start_time == pytest.approx(10_000_000, abs=10)
    by_outcome = {
        dict(key)["outcome"]: value for key, value in watched.points("heliograph.provider.request.duration").items()
    }
    assert by_outcome == {"accepted": (10, pytest.approx(0.5)), "refused": (10, pytest.approx(0.1))}


def test_a_single_call_is_measured_when_it_fails_too(watched: Watched) -> None:
    with pytest.raises(OSError, match="reset"), provider_call("twilio", "balance"):
        raise OSError("reset")
    [(key, (count, _))] = watched.points("heliograph.provider.request.duration").items()
    assert dict(key) == {"provider": "twilio", "operation": "balance", "outcome": "error"}
    assert count == 1
    assert watched.span("balance twilio").status.status_code is trace.StatusCode.ERROR
