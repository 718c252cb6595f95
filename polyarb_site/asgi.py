"""Routing of HTTP and Channels, nothing else."""

import os

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
http_application = get_asgi_application()  # loads the apps, which the imports below need

from polyarb_site.body_limit import BodyLimit  # noqa: E402
from polyarb_site.live.lifespan import lifespan  # noqa: E402
from polyarb_site.live.routing import websocket_application  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        "websocket": websocket_application,
        "lifespan": lifespan,
    }
)
