"""How a tried message looks on a terminal: what was written, what came back, what it means."""

from heliograph.cli.output import console
from heliograph.services.trying import ShownAnswer, ShownRequest, Trial, Verdict


def print_trial(trial: Trial, verdict: Verdict) -> None:
    """Request, answer and verdict, as text that can be copied."""
    if trial.request is not None:
        _print_request(trial.request)
    if trial.answer is not None:
        _print_answer(trial.answer)
    words = verdict.word.replace("_", " ")
    if verdict.provider_message_id is not None:
        console.print(f"→ {words}: {verdict.provider_message_id}", style="green", markup=False)
    elif verdict.error is not None:
        error = verdict.error
        console.print(f"→ {words}: {error.error_class.value} {error.code}: {error.message}", style="red", markup=False)


def _print_request(request: ShownRequest) -> None:
    console.print(f"{request.method} {request.url}", style="bold", markup=False)
    for name, value in request.headers.items():
        console.print(f"{name}: {value}", markup=False)
    if request.body is not None:
        console.print(f"\n{request.body}", markup=False)
    console.print()


def _print_answer(answer: ShownAnswer) -> None:
    console.print(f"HTTP {answer.status} after {answer.seconds:.3f} s", style="bold", markup=False)
    console.print(f"{answer.body}\n", markup=False)
