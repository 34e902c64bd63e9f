"""What all tests of contracts share."""

import pytest


@pytest.fixture
def our_plugin_alone(monkeypatch):
    """Load one plugin in the runs within tests: to find everybody's takes longer than most runs."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "periodic_contracts.plugin")
