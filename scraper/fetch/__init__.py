"""Over the network, politely and bounded. ``protocol`` says what a fetcher is; ``open_fetcher`` opens one."""
