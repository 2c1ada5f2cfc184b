"""Which models there are and what each can do, in OpenAI's list shape with our own members beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from app.announcements import ModelState
from app.api.dependencies import Caller, Gateway, GatewayParts
from app.api.documentation import errors
from app.errors import ModelNotAllowed, ModelNotFound, QueueUnavailable
from models.catalog import UnknownModel
from models.interface import Capabilities

router = APIRouter(tags=["models"])


class Model(BaseModel):
    """A model, whether a worker serves it, and what may be asked of it."""

    id: Annotated[str, Field(examples=["easel-transformer"])]
    object: Literal["model"] = "model"
    created: Annotated[int, Field(description="Unix seconds: when this gateway read its list of models.")]
    owned_by: Literal["easel"] = "easel"
    default: Annotated[bool, Field(description="Whether it is meant when a request names none.")]
    aliases: list[str]
    ready: Annotated[bool, Field(description="Whether a live worker serves it.")]
    workers: Annotated[int, Field(description="Live workers that serve it.")]
    loaded_by: Annotated[
        int, Field(description="How many of them have it in memory now; another loads it for its next job.")
    ]
    load_seconds: Annotated[
        float, Field(description="How long the next job waits for the model to be loaded: 0 if one has it loaded.")
    ]
    revision: Annotated[str | None, Field(description="The same revision, request and seed give the same image.")]
    capabilities: Annotated[
        Capabilities | None, Field(description="Limits and options; null until a worker has announced the model.")
    ]


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/v1/models", responses=errors(QueueUnavailable))
async def list_models(gateway: GatewayParts, caller: Caller) -> ModelList:
    """List the models that you may use."""
    states = await gateway.fleet.states()
    models = filter(caller.may_use, gateway.catalog.models)
    return ModelList(data=[_model(gateway, model, states.get(model)) for model in models])


@router.get("/v1/models/{model:path}", responses=errors(ModelNotFound, ModelNotAllowed, QueueUnavailable))
async def read_model(
    model: Annotated[str, Path(description="Id or alias.")], gateway: GatewayParts, caller: Caller
) -> Model:
    """Tell what a model can do."""
    try:
        model_id = gateway.catalog.resolve(model).id
    except UnknownModel as error:
        raise ModelNotFound(str(error), param="model") from error
    if not caller.may_use(model_id):
        raise ModelNotAllowed(f"your API key is not for {model_id}", param="model")
    return _model(gateway, model_id, (await gateway.fleet.states()).get(model_id))


def _model(gateway: Gateway, model_id: str, state: ModelState | None) -> Model:
    catalog = gateway.catalog
    return Model(
        id=model_id,
        created=gateway.live_catalog.read_at,
        default=model_id == catalog.default,
        aliases=[alias for alias, target in catalog.aliases.items() if target == model_id],
        ready=bool(state and state.ready),
        workers=state.workers if state else 0,
        loaded_by=state.loaded_by if state else 0,
        load_seconds=round(state.seconds_to_load, 2) if state else 0.0,
        revision=state.revision if state else None,
        capabilities=state.capabilities if state else None,
    )
