"""Takes the traces that the service sends, as a collector of an operator's does."""

import gzip
import http.server

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(http.server.ThreadingHTTPServer):
    """Takes spans as OpenTelemetry's own exporter sends them, each with the name of its service."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Intake)
        self.spans = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def named(self, name):
        return [span for span in self.spans if span.name == name]


class _Intake(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass
