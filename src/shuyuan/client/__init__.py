"""A client for a Shuyuan server, for notebooks and scripts: data to deployment over the HTTP API.

    from shuyuan.client import Client

    with Client("http://127.0.0.1:8321", api_key) as school:
        data = school.datasets.upload("marks.csv", "marks", purpose="who passes")

Stands alone: it imports httpx and pydantic and nothing of the platform; nothing of the platform imports it. What it
cannot do is raised as `ApiError` with the server's code, sentence and fix.
"""

from shuyuan.client.client import Client
from shuyuan.client.types import (
    Column,
    Compression,
    CrossValidation,
    DataSet,
    Deployment,
    Import,
    Pipeline,
    Report,
    Run,
    Schedule,
    Verdict,
    Version,
    Work,
)
from shuyuan.client.wire import ApiError, Failed

__all__ = [
    "ApiError",
    "Client",
    "Column",
    "Compression",
    "CrossValidation",
    "DataSet",
    "Deployment",
    "Failed",
    "Gate",
    "Import",
    "Pipeline",
    "Report",
    "Run",
    "Search",
    "Schedule",
    "Verdict",
    "Version",
    "Work",
]
