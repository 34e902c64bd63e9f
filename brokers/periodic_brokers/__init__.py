"""Broker adapters for `periodic`: each registers under the entry point group `periodic.brokers`."""
