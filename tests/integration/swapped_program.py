"""A program with tools, structured output, reasoning and a stream; which provider answers, its configuration says."""

import jackfield as jf

city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
weather = jf.Tool("get_weather", "The weather of a city", city)
with jf.Client() as client:
    conversation = [jf.Message("user", "How is the weather in Paris?")]
    reply = client.chat(conversation, tools=[weather], reasoning_budget=2000, unsupported="drop")
    print("left out:", [notice.field for notice in reply.warnings if notice.kind == "unsupported"])
    print("thought:", reply.reasoning)
    for call in reply.tool_calls:
        print("call:", call.name, call.parsed)
        conversation += [reply.message, jf.Message("tool", jf.ToolResult(call.id, "22 degrees"))]
    print("answer:", client.chat(conversation, tools=[weather]).text)
    print("parsed:", client.chat("As JSON, please.", response_format={"type": "object", "properties": {}}).parsed)
    with client.stream("Once more", temperature=0) as stream:
        print("stream:", "".join(stream.text))
    print("from:", stream.response.provider, stream.response.model, stream.response.usage.cost is not None)
