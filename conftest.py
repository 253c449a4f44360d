"""Every app's tests share these fixtures."""

pytest_plugins = ["ce_portal.testing", "ce_portal.tests.browsing"]
