"""Installed in every process of the suite: the portal in a hurry, with its traps laid."""

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "chaos"

    def ready(self) -> None:
        from chaos import hurry, traps  # noqa: PLC0415  (models are there only now)

        hurry.set_up()
        traps.set_up()
