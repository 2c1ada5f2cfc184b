"""What Schemathesis cannot know of our bodies; its configurations load this."""

import base64
import io

import schemathesis
from hypothesis import strategies
from PIL import Image


def _data_url(kind):
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(data, kind)
    return f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"


# Addresses of pictures: what else it makes up leads nowhere.
schemathesis.openapi.format("uri", strategies.sampled_from([_data_url(kind) for kind in ("png", "jpeg", "webp")]))


@schemathesis.hook
def filter_case(context, case):  # the names are Schemathesis' own
    """Leave out forms with a null: on the wire it is the text "null", which violates nothing."""
    is_form = case.media_type == "multipart/form-data" and isinstance(case.body, dict)
    return not (is_form and any(value is None for value in case.body.values()))
