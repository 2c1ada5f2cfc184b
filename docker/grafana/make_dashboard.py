# ruff: noqa: INP001  a script, not a package
"""Writes dashboards/easel.json: what an operator wants to see first, then where the time goes, then what is wrong.

python docker/grafana/make_dashboard.py
"""

import json
from pathlib import Path

DASHBOARD = Path(__file__).parent / "dashboards" / "easel.json"
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS, WIDTH, HEIGHT = 3, 8, 8  # Grafana's grid is 24 wide


def by_model(metric: str) -> str:
    """Add up a counter's rate over the workers, model by model."""
    return f'sum by (model) (rate({metric}{{model=~"$model"}}[$__rate_interval]))'


def quantile(share: float, metric: str, label: str = "model") -> str:
    """Estimate a quantile of a histogram over all processes."""
    return f"histogram_quantile({share}, sum by (le, {label}) (rate({metric}_bucket[$__rate_interval])))"


def mean(metric: str) -> str:
    """Divide a histogram's sum by its count."""
    return f"{by_model(f'{metric}_sum')} / {by_model(f'{metric}_count')}"


# Title, unit, and the queries by legend.
PANELS: list[tuple[str, str, dict[str, str]]] = [
    ("Images per second", "ops", {"{{model}}": by_model("easel_images_total")}),
    ("Jobs by outcome", "ops", {"{{outcome}}": "sum by (outcome) (easel:jobs_finished:rate5m)"}),
    ("Time from acceptance to result, p95", "s", {"{{model}}": "easel:job_seconds:p95_5m"}),
    ("Jobs waiting", "short", {"{{model}}": "max by (model) (easel_queue_jobs)"}),
    ("Backlog in seconds of work", "s", {"{{model}}": "easel:backlog_seconds"}),
    ("Workers", "short", {"{{model}}": "max by (model) (easel_workers)"}),
    ("Images per batch, mean", "short", {"{{model}}": mean("easel_batch_size_images")}),
    (
        "Where a job's time goes, mean",
        "s",
        {
            "wait {{model}}": mean("easel_job_wait_seconds"),
            "collect {{model}}": mean("easel_batch_collect_seconds"),
            "generate {{model}}": mean("easel_batch_generation_seconds"),
            "encode {{model}}": mean("easel_image_encode_seconds"),
            "upload {{model}}": mean("easel_image_upload_seconds"),
        },
    ),
    ("Steps per second", "ops", {"{{model}}": by_model("easel_steps_total")}),
    (
        "Requests by status",
        "reqps",
        {"{{status}}": "sum by (status) (rate(easel_http_request_seconds_count[$__rate_interval]))"},
    ),
    ("Answer time by route, p99", "s", {"{{route}}": quantile(0.99, "easel_http_request_seconds", "route")}),
    (
        "Submissions accepted and refused",
        "ops",
        {
            "accepted": "sum(rate(easel_jobs_submitted_total[$__rate_interval]))",
            "{{code}}": "sum by (code) (rate(easel_jobs_refused_total[$__rate_interval]))",
        },
    ),
    (
        "Retries, splits, fenced results",
        "ops",
        {
            "retried: {{cause}}": "sum by (cause) (rate(easel_job_retries_total[$__rate_interval]))",
            "split: {{cause}}": "sum by (cause) (rate(easel_batch_splits_total[$__rate_interval]))",
            "fenced": "sum(rate(easel_fenced_commits_total[$__rate_interval]))",
            "leases lost": "sum(rate(easel_leases_lost_total[$__rate_interval]))",
        },
    ),
    (
        "Failures by cause",
        "ops",
        {"{{cause}}": 'sum by (cause) (rate(easel_jobs_finished_total{outcome="failed"}[5m]))'},
    ),
    (
        "Images that wait for storage",
        "short",
        {
            "on disk": "sum(easel_spooled_images)",
            "tried again, a second": "sum(rate(easel_upload_retries_total[$__rate_interval]))",
            "not drawn again, a second": "sum(rate(easel_restored_images_total[$__rate_interval]))",
        },
    ),
    ("Size of the images that wait", "bytes", {"{{instance}}": "easel_spooled_bytes"}),
    (
        "Webhooks by outcome",
        "ops",
        {"{{outcome}}": "sum by (outcome) (rate(easel_webhook_attempts_total[$__rate_interval]))"},
    ),
    ("Memory of models", "bytes", {"{{model}} {{instance}}": 'easel_model_memory_bytes{model=~"$model"}'}),
    (
        "Models loaded and unloaded",
        "ops",
        {
            "loaded: {{model}}": "sum by (model) (rate(easel_model_loads_total[$__rate_interval]))",
            "unloaded: {{model}}": "sum by (model) (rate(easel_model_unloads_total[$__rate_interval]))",
            "in vain: {{model}}": "sum by (model) (rate(easel_model_load_failures_total[$__rate_interval]))",
        },
    ),
    (
        "Share of time spent loading models",
        "percentunit",
        {"{{instance}}": "sum by (instance) (rate(easel_model_loads_total[5m]) * easel_model_load_seconds)"},
    ),
]


def panel(number: int, title: str, unit: str, queries: dict[str, str]) -> dict[str, object]:
    """Lay out one time series, left to right and top to bottom."""
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": DATASOURCE,
        "gridPos": {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(queries.items())
        ],
    }


def dashboard() -> dict[str, object]:
    """Describe the whole dashboard as Grafana imports it."""
    model = {
        "name": "model",
        "type": "query",
        "datasource": DATASOURCE,
        "query": "label_values(easel_queue_jobs, model)",
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
    }
    return {
        "uid": "easel",
        "title": "Easel",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "templating": {"list": [model]},
        "panels": [panel(number, *content) for number, content in enumerate(PANELS)],
    }


if __name__ == "__main__":
    DASHBOARD.write_text(json.dumps(dashboard(), indent=2) + "\n")
