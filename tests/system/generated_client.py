"""A program with a client generated from /openapi.json; prints what it got, one JSON object a line."""

import io
import json
import sys

import httpx
from easel_client import AuthenticatedClient
from easel_client.api.jobs import list_jobs, submit_job
from easel_client.api.openai import vary_image
from easel_client.models import Images, ImageVariation, Job, JobList, JobSubmission, JobSubmissionMetadataType0, Problem
from easel_client.types import File


def tell(**facts: object) -> None:
    """Print a line for the test."""
    print(json.dumps(facts))  # noqa: T201


with AuthenticatedClient(base_url=sys.argv[1], token="unused") as client:
    noted = JobSubmissionMetadataType0.from_dict({"project": "python"})
    job = submit_job.sync(client=client, body=JobSubmission("a red fox", metadata=noted), prefer="wait=30")
    assert isinstance(job, Job)
    picture = httpx.get(job.images[0].url)
    tell(call="submit_job", status=job.status, type=picture.headers["content-type"])

    listed = list_jobs.sync(client=client, metadata=["project:python"])
    assert isinstance(listed, JobList)
    tell(call="list_jobs", same=listed.data[0].id == job.id)

    problem = submit_job.sync(client=client, body=JobSubmission("a red fox", size="1x1"))
    assert isinstance(problem, Problem)
    tell(call="refused", code=problem.code, param=problem.param)

    form = ImageVariation(File(io.BytesIO(picture.content), "fox.png", "image/png"), n=2)
    varied = vary_image.sync(client=client, body=form)
    assert isinstance(varied, Images)
    tell(call="vary_image", images=len(varied.data))
