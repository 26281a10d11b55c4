"""The requesters' site: pages over the operations of the API, so that each rule has one home."""
