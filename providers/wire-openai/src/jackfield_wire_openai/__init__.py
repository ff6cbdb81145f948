"""The wire that OpenAI-like services share: requests, replies and errors, translated purely."""
