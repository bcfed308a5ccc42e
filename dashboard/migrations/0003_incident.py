"""Findings with a beginning and an end."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("streamgauge", "0002_roles")]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("server", models.CharField(max_length=64)),
                (
                    "identity",
                    models.CharField(
                        help_text="SHA-256 of kind, stream, group and consumer: names are longer than an index takes",
                        max_length=64,
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                ("stream", models.BinaryField(null=True)),
                ("group", models.BinaryField(null=True)),
                ("consumer", models.BinaryField(null=True)),
                ("severity", models.CharField(max_length=8)),
                ("worst", models.CharField(max_length=8)),
                ("message", models.TextField()),
                ("detail", models.TextField(blank=True, default="")),
                ("evidence", models.JSONField(default=dict)),
                ("count", models.BigIntegerField(help_text="entries that it is about", null=True)),
                ("count_at_least", models.BooleanField(default=False)),
                ("count_about", models.BooleanField(default=False)),
                ("since_ms", models.BigIntegerField(help_text="since when it stands, by the clock of the server")),
                (
                    "times",
                    models.PositiveIntegerField(
                        default=1, help_text="how often it came: more than once if it went for minutes"
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
                (
                    "lasted_ms",
                    models.BigIntegerField(blank=True, help_text="from its since until it was over", null=True),
                ),
                ("muted_until", models.DateTimeField(blank=True, null=True)),
                ("muted_at", models.DateTimeField(blank=True, null=True)),
                ("muted_by", models.CharField(blank=True, default="", max_length=200)),
                ("mute_reason", models.TextField(blank=True, default="")),
            ],
            options={
                "indexes": [models.Index(fields=["-cleared_at"], name="streamgauge_incident_cleared")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cleared_at__isnull", True)),
                        fields=("server", "identity"),
                        name="streamgauge_incident_open_once",
                    )
                ],
            },
        ),
    ]
