"""What a claim takes, with Redis for real and a clock of the test's own."""

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from app.messages import JobError, JobMessage, JobStatus, Outcome
from models.interface import GenerationRequest
from workers.claims import Claims, Ending, LeaseLost

LONG = 1000.0  # seconds that nobody waits in these tests


class Desk:
    """A queue and registered workers that claim from it."""

    def __init__(self, queue, client):
        self.queue = queue
        self.client = client

    async def submit(self, count=1, *, key="a", tenant="public", images=1, model="card", **options):
        """Queue jobs and return their ids."""
        request = GenerationRequest(prompt="fox", width=8, height=8, seed=1, num_images=images)
        message = JobMessage(model=model, request=request, tenant=tenant)
        given = {"batch_key": key, "cost": 1.0} | options
        return [(await self.queue.submit(message, **given)).id for _ in range(count)]

    def worker(self, name="w"):
        """Register a worker."""
        SimpleWorker(["card"], connection=self.client, name=name, serializer=JSONSerializer).register_birth()
        return Claims(self.client, name, 3600)

    def now(self, later=0.0):
        """Redis's clock, moved."""
        seconds, micros = self.client.time()
        return seconds + micros / 1e6 + later


@pytest.fixture
def desk(job_queue, sync_client):
    """An empty queue."""
    return Desk(job_queue, sync_client)


def claim(claims, most=8, wait=0.0, **options):
    """Claim, commit refusals, and return the ids of the batch."""
    taken = claims.claim({"card": most}, max_wait_seconds=wait, **options)
    if taken.refused:
        claims.commit(taken.refused)
    return [job.id for job in taken.jobs]


async def test_only_compatible_jobs_share_a_batch(desk):
    """A batch holds one batch key, the oldest job's."""
    mixed = [(await desk.submit(key=key))[0] for key in "abab"]
    assert claim(desk.worker()) == [mixed[0], mixed[2]]


async def test_a_batch_is_counted_in_images(desk):
    """The images of all jobs together fit the batch; a job too large for the room left is passed over."""
    first, large, small = await desk.submit(images=3) + await desk.submit(images=4) + await desk.submit(images=1)
    worker = desk.worker()
    assert claim(worker, most=4) == [first, small]
    assert claim(worker, most=4) == [large]


async def test_a_job_larger_than_a_batch_runs_alone(desk):
    """It is claimed by itself, for the worker to draw in chunks."""
    large, _ = await desk.submit(images=10) + await desk.submit()
    assert claim(desk.worker()) == [large]


async def test_a_batch_waits_for_company_and_no_longer(desk):
    """A lone job is claimed when it has waited long enough, and the answer says when that will be."""
    (job,) = await desk.submit()
    worker = desk.worker()
    early = worker.claim({"card": 8}, max_wait_seconds=5)
    assert early.jobs == ()
    assert 4 < early.ready_in_seconds <= 5
    assert claim(worker, wait=5, now=desk.now(5.1)) == [job]


async def test_a_full_batch_never_waits(desk):
    """As many images as fit are taken at once."""
    jobs = await desk.submit(4)
    assert claim(desk.worker(), most=4, wait=LONG) == jobs


async def test_learned_limits_bound_the_batch(desk):
    """A batch key that ran out of memory gets smaller batches, full at their own size."""
    jobs = await desk.submit(4)
    assert claim(desk.worker(), wait=LONG, caps={"card a": 2}) == jobs[:2]


async def test_a_budget_bounds_the_batch(desk):
    """A batch costs at most what its model's entry allows, and waits for nobody who would not fit."""
    jobs = await desk.submit(5, cost=40.0)
    worker = desk.worker()
    assert claim(worker, wait=LONG, max_cost={"card": 100.0}) == jobs[:2]
    assert claim(worker, wait=LONG, max_cost={"card": 100.0}) == jobs[2:4]
    assert claim(worker, wait=LONG, max_cost={"card": 100.0}) == []


async def test_a_job_dearer_than_the_budget_runs_alone(desk):
    """It is claimed by itself, for the worker to draw in parts."""
    (dear,) = await desk.submit(images=4, cost=400.0)
    await desk.submit(cost=100.0)
    assert claim(desk.worker(), wait=LONG, max_cost={"card": 200.0}) == [dear]


async def test_priorities(desk):
    """High goes before normal before low, and a lower priority fills a higher one's batch."""
    low, same = await desk.submit(key="x", priority="low") + await desk.submit(key="y", priority="low")
    (high,) = await desk.submit(key="y", priority="high")
    worker = desk.worker()
    assert claim(worker) == [high, same]
    assert claim(worker) == [low]


async def test_nobody_starves(desk):
    """A job that has waited for a minute goes before every priority."""
    (low,) = await desk.submit(key="x", priority="low")
    later = desk.now(61)
    await desk.submit(3, key="y", priority="high")
    for job_id in desk.client.lrange("rq:queue:card:high", 0, -1):
        desk.client.hset(f"rq:job:{job_id.decode()}", "queued_at", later)
    assert claim(desk.worker(), now=later) == [low]


async def test_who_starves_goes_in_order_of_arrival(desk):
    """After a minute nobody who came later goes first, be it by priority, by a better place or by number."""
    dear = await desk.submit(2, key="x", priority="low", cost=1000.0, tenant="dear")
    (normal,) = await desk.submit(key="z", cost=1000.0, tenant="dear")
    later = desk.now(61)
    for job_id in await desk.submit(150, key="y", priority="high", tenant="hog") + await desk.submit(150, key="y"):
        desk.client.hset(f"rq:job:{job_id}", "queued_at", later)
    worker = desk.worker()
    assert [claim(worker, most=1, now=later)[0] for _ in range(3)] == [*dear, normal]


BOTH = {"card": 8, "away": 8}


async def test_a_loaded_models_jobs_go_first_for_a_while(desk):
    """A job whose model would have to be loaded counts as come later, by so much and no more."""
    (early,) = await desk.submit(key="x", model="away")
    (late,) = await desk.submit(key="y")
    worker, later = desk.worker(), desk.now(5)
    desk.client.hset(f"rq:job:{late}", "queued_at", later)
    given = {"max_wait_seconds": 0.0, "now": later}
    assert [job.id for job in worker.claim(BOTH, later_seconds={"away": 6.0}, **given).jobs] == [late]
    (late,) = await desk.submit(key="y")
    desk.client.hset(f"rq:job:{late}", "queued_at", later)
    assert [job.id for job in worker.claim(BOTH, later_seconds={"away": 4.0}, **given).jobs] == [early]


async def test_among_starving_jobs_a_loaded_models_go_first_as_well(desk):
    """When all are late by minutes, taking them strictly by arrival would load a model for each batch."""
    (early,) = await desk.submit(key="x", model="away")
    (late,) = await desk.submit(key="y")
    worker, later = desk.worker(), desk.now(300)
    assert [job.id for job in worker.claim(BOTH, max_wait_seconds=0, later_seconds={"away": 10.0}, now=later).jobs] == [
        late
    ]
    (ready,) = worker.claim(BOTH, max_wait_seconds=0, later_seconds={"away": 10.0}, now=later).jobs
    assert ready.id == early


async def test_a_batch_that_fills_is_not_overtaken_by_a_model_that_must_be_loaded(desk):
    """The moments in which a loaded model's batch waits for company are not the time to drive it out."""
    await desk.submit(key="x", model="away")
    (loaded,) = await desk.submit(key="y")
    worker, now = desk.worker(), desk.now()
    desk.client.hset(f"rq:job:{loaded}", "queued_at", now)
    filling = worker.claim(BOTH, max_wait_seconds=0.002, later_seconds={"away": 10.0}, now=now)
    assert (filling.jobs, filling.ready_in_seconds) == ((), pytest.approx(0.002, abs=1e-3))


async def test_before_a_newcomer_goes_one_job_of_each_other_tenant(desk):
    """However many jobs others have queued, and whatever they have had before."""
    for number in range(5):
        await desk.submit(40, tenant=f"hog-{number}")
    worker = desk.worker()
    for _ in range(7):
        claim(worker, most=4)
    (job_id,) = await desk.submit(tenant="newcomer")
    assert (await desk.queue.get(job_id)).position <= 5


async def test_tenants_take_turns(desk):
    """Behind a thousand jobs of one tenant, another's four are in the next batch."""
    await desk.submit(1000, tenant="hog")
    small = await desk.submit(4, tenant="small")
    assert set(small) <= set(claim(desk.worker()))


async def test_turns_are_weighted_by_cost(desk):
    """A tenant whose jobs cost four times as much gets a fourth as many."""
    dear = await desk.submit(20, tenant="dear", key="d", cost=4.0)
    await desk.submit(20, tenant="cheap", key="c", cost=1.0)
    worker = desk.worker()
    taken = [claim(worker, most=1)[0] for _ in range(20)]
    assert 3 <= len(set(taken) & set(dear)) <= 5


async def test_a_newcomer_has_no_credit(desk):
    """Who comes late takes turns from now on, and does not make up for the time before."""
    await desk.submit(20, tenant="early")
    worker = desk.worker()
    for _ in range(10):
        claim(worker, most=1)
    late = await desk.submit(20, tenant="late")
    taken = [claim(worker, most=1)[0] for _ in range(10)]
    assert 4 <= len(set(taken) & set(late)) <= 6


async def test_admission_takes_only_who_is_next(desk):
    """A running batch grows while the next in turn fits into it, and not past somebody else's turn."""
    first = await desk.submit(2)
    (other,) = await desk.submit(key="b")
    await desk.submit()
    worker = desk.worker()
    admitted = worker.admit({"card": 8}, batch_key="card a", room=2)
    assert [job.id for job in admitted.jobs] == first
    assert worker.admit({"card": 8}, batch_key="card a", room=2).jobs == ()
    assert claim(worker) == [other]


async def test_a_second_copy_in_the_list_is_dropped(desk):
    """An id that stands in the list twice is claimed once."""
    (job,) = await desk.submit()
    desk.client.rpush("rq:queue:card", job)
    worker = desk.worker()
    assert claim(worker) == [job]
    assert claim(worker) == []
    assert desk.client.llen("rq:queue:card") == 0


async def test_nothing_is_claimed_while_rq_is_suspended(desk):
    """`rq suspend` holds for our workers too."""
    (job,) = await desk.submit()
    worker = desk.worker()
    suspend(desk.client)
    assert claim(worker) == []
    resume(desk.client)
    assert claim(worker) == [job]


async def test_a_worker_without_a_lease_claims_nothing(desk):
    """Whose registration has expired must register again first."""
    await desk.submit()
    worker = desk.worker()
    desk.client.delete("rq:worker:w")
    with pytest.raises(LeaseLost):
        claim(worker)


async def test_a_late_write_is_no_registration(desk):
    """A worker that was frozen past its lease, and wrote its state before it noticed, must register again as well."""
    await desk.submit()
    worker = desk.worker()
    desk.client.delete("rq:worker:w")
    desk.client.hset("rq:worker:w", "state", "idle")
    with pytest.raises(LeaseLost):
        claim(worker)
    assert worker.renew(10, []) == (False, [])


async def test_a_claim_whose_answer_was_lost_is_given_back(desk):
    """What Redis started for a worker that does not know of it is queued again, uncounted."""
    (job,) = await desk.submit()
    worker = desk.worker()
    claim(worker)
    assert worker.renew(10, []) == (True, [])
    record = await desk.queue.get(job)
    assert (record.status, record.attempts, record.position) == (JobStatus.QUEUED, 0, 0)


async def test_a_dead_workers_jobs_go_back_to_their_place(desk):
    """Reaped jobs come first again, each with a death to its name, and run alone."""
    jobs = await desk.submit(3)
    dead, alive = desk.worker("dead"), desk.worker("alive")
    assert claim(dead, most=2) == jobs[:2]
    assert alive.reap(["card"]) == []
    desk.client.delete("rq:worker:dead")
    assert sorted(alive.reap(["card"])) == [(job, "card") for job in sorted(jobs[:2])]
    assert [claim(alive) for _ in range(3)] == [[job] for job in jobs]


async def test_a_reaped_job_is_not_overtaken_by_a_new_order(desk):
    """When the queue ran empty meanwhile, and its fair order began anew, a job that comes back still goes first."""
    await desk.submit(20, tenant="early")
    dead, alive = desk.worker("dead"), desk.worker("alive")
    for _ in range(19):
        claim(alive, most=1)
    lost = claim(dead)
    assert claim(alive) == []
    late = await desk.submit(5, tenant="late")
    desk.client.delete("rq:worker:dead")
    alive.reap(["card"])
    assert claim(alive) == lost
    assert claim(alive) == late


async def test_a_zombies_commit_is_refused(desk):
    """Once the job is another execution's, the first one's result is dropped."""
    await desk.submit()
    zombie, other = desk.worker("zombie"), desk.worker("other")
    (job,) = zombie.claim({"card": 8}, max_wait_seconds=0).jobs
    desk.client.delete("rq:worker:zombie")
    other.reap(["card"])
    (again,) = other.claim({"card": 8}, max_wait_seconds=0).jobs
    assert zombie.commit([Ending(job, Outcome())]) == ["lost"]
    assert other.commit([Ending(again, Outcome())]) == ["committed"]
    assert other.commit([Ending(again, Outcome())]) == ["committed"]  # sent twice, written once
    assert desk.client.xlen(f"rq:results:{job.id}") == 1


async def test_a_canceled_jobs_commit_is_refused(desk):
    """A cancellation that came first stands."""
    await desk.submit()
    worker = desk.worker()
    (job,) = worker.claim({"card": 8}, max_wait_seconds=0).jobs
    await desk.queue.cancel(job.id)
    assert worker.commit([Ending(job, Outcome())]) == ["canceled"]
    assert (await desk.queue.get(job.id)).status is JobStatus.CANCELED


async def test_rqs_own_clean_up_leaves_batches_alone(desk):
    """`rq info` and dashboards clean up registries; jobs of living and dead workers survive that."""
    (job,) = await desk.submit()
    claim(desk.worker())
    desk.client.delete("rq:worker:w")
    StartedJobRegistry("card", connection=desk.client, serializer=JSONSerializer).cleanup()
    assert (await desk.queue.get(job)).status is JobStatus.RUNNING


async def test_a_function_of_somebody_else_is_refused(desk):
    """A name on the queue is not run unless it is ours."""
    queue = Queue("card", connection=desk.client, serializer=JSONSerializer)
    job = queue.enqueue("os.system", "touch /tmp/pwned")
    assert claim(desk.worker()) == []
    assert job.get_status() == "failed"


async def test_a_job_with_a_retry_is_left_to_rq(desk):
    """Retries, callbacks and the like are ended by RQ's own code, so their commit is handed over."""
    (job_id,) = await desk.submit()
    desk.client.hset(f"rq:job:{job_id}", "retries_left", 2)
    worker = desk.worker()
    (job,) = worker.claim({"card": 8}, max_wait_seconds=0).jobs
    failure = Outcome(error=JobError(code="timeout", message="too long"))
    assert worker.commit([Ending(job, failure)]) == ["rq"]


async def test_requeueing_a_failed_job_by_hand_starts_it_afresh(desk):
    """`rq requeue` gives a quarantined job three new lives."""
    (job_id,) = await desk.submit()
    worker = desk.worker()
    desk.client.hset(f"rq:job:{job_id}", "deaths", 3)
    assert claim(worker) == []
    assert (await desk.queue.get(job_id)).outcome.error.code == "quarantined"
    Queue("card", connection=desk.client, serializer=JSONSerializer).failed_job_registry.requeue(job_id)
    assert claim(worker) == [job_id]


def test_workers_never_resend_a_command(sync_client):
    """A claim sent twice would start two batches."""
    assert isinstance(sync_client, redis.Redis)
    assert sync_client.get_retry().get_retries() == 0
