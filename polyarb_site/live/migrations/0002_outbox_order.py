from django.db import migrations, models

import polyarb_site.live.models


class Migration(migrations.Migration):
    dependencies = [
        ("live", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxmessage",
            name="xid",
            field=models.BigIntegerField(
                db_default=polyarb_site.live.models.TransactionId(), editable=False
            ),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(fields=["xid", "id"], name="outbox_in_order"),
        ),
    ]
