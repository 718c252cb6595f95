"""Routing of HTTP and Channels, nothing else."""

import os

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
http_application = get_asgi_application()  # loads the apps, which the imports below need

import polyarb_site.urls  # noqa: E402, F401 - every page now, not when the first one is asked for
from polyarb_site.body_limit import BodyLimit  # noqa: E402
from polyarb_site.live.lifespan import lifespan  # noqa: E402
from polyarb_site.live.routing import websocket_application  # noqa: E402
from polyarb_site.software import software  # noqa: E402

software()  # what runs here is what is loaded now, whatever lies on the disk later

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        "websocket": websocket_application,
        "lifespan": lifespan,
    }
)
