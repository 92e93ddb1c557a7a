"""The whole system on one machine: the real functions behind the gateways, stream, clock and bus of the topology."""
