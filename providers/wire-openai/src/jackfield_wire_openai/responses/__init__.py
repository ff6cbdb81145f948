"""OpenAI's Responses API as a second wire of chats: requests in both directions, replies as our events."""
