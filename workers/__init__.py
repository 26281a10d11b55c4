"""What runs in the background: jobs, markets, Ray, the simulated crowd."""
