"""Whose secret signs an event, and how secrets change without an event that a receiver cannot check."""

import datetime as dt

import openai
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.errors import OperatorsOnly, UnsupportedOption
from app.settings import Settings
from app.webhooks.secrets import OVERLAP, WebhookSecrets
from tests.app.webhooks.conftest import SECRET

NEWER = SECRET.replace("M", "N")
BODY = '{"type": "job.succeeded"}'


@pytest.fixture
def secrets(async_client):
    """A function that makes the secrets of a service with these settings."""
    return lambda **settings: WebhookSecrets(async_client, Settings(**settings))


async def accepted_by(service, tenant, now=None):
    """A function that tells whether a receiver with this secret accepts a tenant's event; now, unless told when."""
    sent_at = dt.datetime.now(dt.UTC)
    signature = await service.sign(tenant, "msg_1", now or sent_at, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int((now or sent_at).timestamp()))}

    def accepts(secret):
        try:
            Webhook(secret).verify(BODY, headers | {"webhook-signature": signature})
        except WebhookVerificationError:
            return False
        return True

    return accepts


async def test_each_tenant_has_its_own(secrets):
    """A tenant's receiver takes no event of another's, and the secret is the same on every gateway."""
    service = secrets(webhook_secret=SECRET)
    (acme, _), (other, _) = await service.read("acme"), await service.read("other")
    accepts = await accepted_by(service, "acme")
    assert [accepts(secret) for secret in (acme, other, SECRET)] == [True, False, False]
    assert await secrets(webhook_secret=SECRET).read("acme") == await service.read("acme")


async def test_a_changed_secret_and_the_one_before_it_both_work_for_a_day(secrets):
    """Both libraries find their own among the two signatures; afterwards only the new one is used."""
    service = secrets(webhook_secret=SECRET)
    old, _ = await service.read("acme")
    new, rotation = await service.rotate("acme", dt.datetime.now(dt.UTC))
    accepts = await accepted_by(service, "acme")
    assert new != old
    assert (accepts(old), accepts(new)) == (True, True)
    assert rotation.previous_until(rotation.changed_at) == rotation.changed_at + OVERLAP
    await service.rotate("acme", dt.datetime.now(dt.UTC) - OVERLAP)
    newest, rotation = await service.read("acme")
    accepts = await accepted_by(service, "acme")
    assert (accepts(new), accepts(newest)) == (False, True)
    assert rotation.previous_until(dt.datetime.now(dt.UTC)) is None


async def test_the_openai_client_checks_either(secrets):
    """It reads a header of several signatures, too."""
    service, now = secrets(webhook_secret=SECRET), dt.datetime.now(dt.UTC)
    old, _ = await service.read("acme")
    new, _ = await service.rotate("acme", now)
    signature = await service.sign("acme", "msg_1", now, BODY)
    timestamp = str(int(now.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}
    for secret in (old, new):
        openai.OpenAI(api_key="unused", webhook_secret=secret).webhooks.verify_signature(BODY, headers)


async def test_the_services_own_secret_changes_the_same_way(secrets):
    """While the one before it is named, receivers of all tenants may have either."""
    before, after = secrets(webhook_secret=SECRET), secrets(webhook_secret=NEWER, webhook_previous_secret=SECRET)
    (old, _), (new, _) = await before.read("acme"), await after.read("acme")
    accepts = await accepted_by(after, "acme")
    assert (accepts(old), accepts(new)) == (True, True)
    accepts = await accepted_by(after, "public")
    assert (accepts(SECRET), accepts(NEWER)) == (True, True)


async def test_the_services_own_secret_is_shown_to_nobody(secrets):
    """All others could be made from it."""
    with pytest.raises(OperatorsOnly):
        await secrets(webhook_secret=SECRET).read("public")
    with pytest.raises(UnsupportedOption, match="EASEL_WEBHOOK_SECRET is not set"):
        await secrets().read("acme")


def test_there_is_none_before_the_first():
    """A previous secret alone is a mistake."""
    with pytest.raises(ValueError, match="EASEL_WEBHOOK_PREVIOUS_SECRET needs EASEL_WEBHOOK_SECRET"):
        Settings(webhook_previous_secret=SECRET)
