"""ZaloPay's simulator as a Lambda."""
