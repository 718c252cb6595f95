"""Puts the account of an installation into phase 1 on the local venue, with a channel to tell."""

import os


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django

    django.setup()
    from tests.checks.granting import go_live
    from tests.checks.rollback_actor import channel
    from trading.models import Mandate
    from trading.services.live import PHASE_PROFILES
    from trading.services.revisions import newest

    channel()
    go_live(Mandate.objects.get(), profile=newest(PHASE_PROFILES[1]), run=False)


if __name__ == "__main__":
    main()
