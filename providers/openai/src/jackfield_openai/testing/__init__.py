"""A fake OpenAI with state, for tests: in process behind the door to the network, or on loopback.

It answers as OpenAI documents it and as recordings show it, refusals included, and needs no key and no network:

    fake = FakeOpenAI()
    client = jackfield.Client(config, transport=FunctionNetwork(fake))      # in process
    with serve(fake) as base_url: ...                                       # on loopback, for any program

It is a function of requests over state. The state is in rooms, one for each part of the API (`files`, `uploads`,
`fine_tuning`, `batches`), and
each room answers the requests that are its own; the fake has the clock, the faults, the ids and the locks:

- `fake.now` is its time in seconds since 1970. It stands still until `advance(seconds)`, moves by `tick` with every
  request, or is that of a `clock`, as of `time.time` or of a simulation.
- `fake.fail("POST /files", status=503)` has requests fail; see `Fault` for replies that are lost or cut.
- `fake.dump()` is all of its state as JSON can hold it, and `FakeOpenAI.load(state)` goes on with it: a restart.

A further room is a subclass of `Room`, which is made in `FakeOpenAI.__init__` and listed in `FakeOpenAI.rooms`. It
answers with `told(...)`, `refused(...)` or None for what is no request of its own, and looks at `fake.now` in each
answer to see what has become of a job meanwhile. Other rooms are at hand as attributes: `fake.files.add(...)`,
`fake.files.content(id)`.
"""

from __future__ import annotations

from .base import Asked, FakeReply, Fault, Room, refused, told
from .batches import FakeBatches
from .fake import FakeOpenAI
from .files import FakeFiles
from .fine_tuning import FakeFineTuning
from .serving import serve
from .uploads import FakeUploads

__all__ = ["Asked", "FakeBatches", "FakeFiles", "FakeFineTuning", "FakeOpenAI", "FakeReply", "FakeUploads", "Fault"]
__all__ += ["Room", "refused", "serve", "told"]
