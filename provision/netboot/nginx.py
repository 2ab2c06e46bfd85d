"""nginx' configuration: it hands out the boot files, large and the same for everybody, and nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True)
class Files:
    """What nginx serves: the cache's folder, on an address, with TLS when `certificate` and `key` are given."""

    cache: Path
    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None


def configuration(files: Files, work: Path, account: tuple[str, str]) -> str:
    """Return nginx' configuration.

    Args:
        files: what to serve.
        work: a folder for nginx' own files.
        account: the user and group that its workers become, when root starts it.
    """
    host = f"[{files.host}]" if ":" in files.host else files.host
    tls = " ssl" if files.certificate else ""
    pair = (
        f"    ssl_certificate {files.certificate};\n    ssl_certificate_key {files.key};\n" if files.certificate else ""
    )
    temporary = "".join(f"  {name}_temp_path {work}/{name};\n" for name in TEMPORARY)
    return f"""# written by `provision serve`
user {account[0]} {account[1]};
worker_processes auto;
daemon off;
pid {work}/nginx.pid;
error_log stderr warn;
events {{
  worker_connections 4096;
}}
http {{
  access_log off;
  server_tokens off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  client_max_body_size 1k;
  client_header_timeout 10s;
  send_timeout 60s;
{temporary}  server {{
    listen {host}:{files.port}{tls};
{pair}    location ~ "^/artefacts/[0-9a-f]{{64}}/[A-Za-z0-9_][A-Za-z0-9._-]*$" {{
      limit_except GET {{ deny all; }}
      root {files.cache};
      add_header Cache-Control "public, max-age=31536000, immutable";
    }}
    location / {{
      return 404;
    }}
  }}
}}
"""
