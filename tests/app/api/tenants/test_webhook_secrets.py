"""A tenant's own webhook secret, over real HTTP."""

import datetime as dt
import ipaddress

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.settings import Settings
from tests.app.webhooks.conftest import SECRET, receiver, running_receiver  # noqa: F401 - fixtures
from tests.conftest import wait_until

SETTINGS = {
    "access": "keys",
    "webhook_secret": Settings(webhook_secret=SECRET).webhook_secret,
    "outbound_private_networks": (ipaddress.ip_network("127.0.0.1/32"),),
}


@pytest.fixture
def keyed(settings, serve):
    """A gateway that delivers webhooks on this machine."""
    with serve(settings.model_copy(update=SETTINGS)) as server:
        yield server


@pytest.fixture
def tenants(tenant):
    """Clients of two tenants."""
    return tenant("acme"), tenant("other")


def test_an_event_is_signed_for_its_tenant(tenants, worker, receiver):  # noqa: F811
    """The receiver checks it with what the tenant was shown, and with nobody else's."""
    own, others = (client.get("/v1/webhooks/secret").json()["secret"] for client in tenants)
    tenants[0].post("/v1/jobs", json={"prompt": "a fox", "webhook": {"url": f"{receiver.url}/200"}})
    worker.draw()
    wait_until(lambda: receiver.received)
    ((headers, body),) = receiver.received
    assert Webhook(own).verify(body, headers)["type"] == "job.succeeded"
    with pytest.raises(WebhookVerificationError):
        Webhook(others).verify(body, headers)


def test_a_secret_is_changed(tenants):
    """The answer says until when the one before it goes on; another tenant's stays as it was."""
    before = [client.get("/v1/webhooks/secret").json() for client in tenants]
    changed = tenants[0].post("/v1/webhooks/secret/rotate")
    assert changed.headers["cache-control"] == "no-store"
    assert changed.json()["secret"] != before[0]["secret"]
    until = dt.datetime.fromisoformat(changed.json()["previous_until"])
    assert dt.timedelta(hours=23) < until - dt.datetime.now(dt.UTC) < dt.timedelta(hours=25)
    assert [client.get("/v1/webhooks/secret").json() for client in tenants] == [changed.json(), before[1]]


def test_where_there_are_no_keys_there_is_nothing_to_show(http, settings, serve):
    """Everybody's events are signed with the service's own secret, which its operator knows."""
    assert http.get("/v1/webhooks/secret").json()["code"] == "unsupported_option"
    with serve(settings.model_copy(update=SETTINGS | {"access": "open"})) as server:
        refused = httpx.get(f"{server.url}/v1/webhooks/secret")
    assert (refused.status_code, refused.json()["code"], SECRET in refused.text) == (403, "operators_only", False)
