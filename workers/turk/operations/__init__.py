"""The API's operations: one file a family, one literal registry. They know no HTTP."""
