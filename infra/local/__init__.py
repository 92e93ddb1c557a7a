"""The whole system on one machine: the real functions behind the topology's gateways, stream, clock and bus."""
