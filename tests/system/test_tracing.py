"""One trace from the request to the stored image, as a collector receives it."""

import httpx

from tests.processes import GatewayProcess, free_port, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


def test_a_job_is_one_trace(collector, settings, start_worker, tmp_path):
    """Request, waiting, drawing and storing are of the caller's trace; the batch links its jobs; the log names it."""
    traced = settings.model_copy(update={"trace_endpoint": collector.url, "port": free_port()})
    start_worker(trace_endpoint=collector.url, environment={"OTEL_BSP_SCHEDULE_DELAY": "100"})
    log = tmp_path / "gateway.log"
    gateway = GatewayProcess(traced, log, {"OTEL_BSP_SCHEDULE_DELAY": "100"})
    try:
        gateway.until_ready()
        body = {"prompt": "a red fox", "model": "card"}
        headers = {"traceparent": CALLER, "prefer": "wait=20"}
        job = httpx.post(f"{gateway.url}/v1/jobs", json=body, headers=headers, timeout=30).json()
        wait_until(
            lambda: collector.named("store") and collector.named("POST /v1/jobs") and collector.named("batch"), 20
        )
    finally:
        gateway.process.terminate()
        gateway.process.wait()
    (request,), (whole,), (batch,) = (collector.named(name) for name in ("POST /v1/jobs", "job", "batch"))
    assert {span.trace_id.hex() for span in collector.spans if span.name in {"job", "wait", "draw", "store"}} == {TRACE}
    assert (request.trace_id.hex(), whole.parent_span_id) == (TRACE, request.span_id)
    assert [link.span_id for link in batch.links] == [request.span_id]
    for name in ("wait", "draw", "store"):
        (part,) = collector.named(name)
        assert part.parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= part.start_time_unix_nano <= part.end_time_unix_nano
    assert {attribute.key: attribute.value.string_value for attribute in whole.attributes}["easel.job_id"] == job["id"]
    assert TRACE in log.read_text()
