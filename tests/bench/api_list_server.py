"""The portal as it is served, and beside it the list that the framework makes by default.

Started by api_list.py, which sets POLYARB_DATA_DIR. The throttle is lifted: it is not what is
measured.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()

from django.urls import path  # noqa: E402
from rest_framework import generics, pagination, serializers  # noqa: E402

from polyarb_site import urls  # noqa: E402
from polyarb_site.rest import throttles  # noqa: E402
from trading.models import Trade  # noqa: E402

throttles.READS_MAX = 10**9


class DefaultSerializer(serializers.ModelSerializer):
    """Every column, as the framework does it."""

    class Meta:
        model = Trade
        fields = "__all__"


class DefaultPages(pagination.PageNumberPagination):
    """Pages by number, with a count."""

    page_size = 50


class DefaultList(generics.ListAPIView):
    """The same rows in the way that the framework offers first."""

    queryset = Trade.objects.order_by("-id")
    serializer_class = DefaultSerializer
    pagination_class = DefaultPages
    filter_backends = ()


urls.urlpatterns.insert(0, path("api/default-trades", DefaultList.as_view()))
