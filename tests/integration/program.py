import jackfield as jf

parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
weather = jf.Tool("get_weather", "The weather of a city", parameters)
with jf.Client() as client:
    print("chat:", client.chat("Count to five", temperature=0, seed=1).text)
    with client.stream("Count to five", temperature=0, seed=1) as stream:
        print("stream:", "".join(stream.text))
    reply = client.chat("Call the tool for Paris", tools=[weather], temperature=0)
    print("call:", reply.finish.unified, [(call.name, sorted(call.parsed)) for call in reply.tool_calls])
    print("from:", reply.provider, reply.model)
