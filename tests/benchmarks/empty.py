"""The reference of single requests: an application that answers a POST and does nothing else."""

import sys

import uvicorn
from litestar import Litestar, post
from litestar.params import JSONBody

from service.launch import listen


@post("/")
async def nothing(data: JSONBody[dict[str, object]]) -> dict[str, str]:
    """Read a body and answer one."""
    return {"answer": "nothing" if data else "less"}


def main() -> None:
    """Serve on a free port as the service is served, and say where."""
    bound = listen("127.0.0.1", 0)
    sys.stdout.write(f"serving http://127.0.0.1:{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    app = Litestar([nothing], openapi_config=None, logging_config=None)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
