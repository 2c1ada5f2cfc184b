"""Moderation on both doors of a real gateway."""

import httpx
import openai
import pytest


@pytest.fixture
def moderated(settings, serve, worker, tmp_path):
    """A client of a gateway with a blocklist."""
    (tmp_path / "list").write_text("forbidden\n")
    listed = settings.model_copy(update={"blocklist_file": tmp_path / "list"})
    with serve(listed) as server, httpx.Client(base_url=server.url, timeout=10) as http:
        yield http


@pytest.mark.parametrize("door", ["/v1/jobs", "/v1/jobs?dry_run=true", "/v1/images/generations"])
def test_a_refused_prompt_is_not_queued(moderated, door):
    """Both doors say 400 and no more; nothing was queued."""
    response = moderated.post(door, json={"prompt": "a Forbidden fox"})
    assert (response.status_code, response.json()["code"]) == (400, "moderation_blocked")
    assert response.json()["param"] == "prompt"
    assert "orbidden" not in response.text
    assert moderated.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("code", ["moderation_blocked", "content_refused"])
def test_a_refused_picture_is_a_bad_request_for_the_openai_client(moderated, worker, code):
    """Whether the operator's check or the model's own refused it, the door answers as OpenAI does."""
    worker.soon(lambda: worker.fail(code))
    client = openai.OpenAI(base_url=f"{moderated.base_url}/v1", api_key="unused", max_retries=0)
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a fox")
    assert refused.value.code == "moderation_blocked"
