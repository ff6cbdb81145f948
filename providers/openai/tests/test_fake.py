"""The fake: what it keeps, what becomes of it in time, how it fails, and that it outlives a restart."""

import http.client
import json
import urllib.request
from urllib.parse import urlsplit

import pytest

from jackfield.http import HttpRequest
from jackfield_openai.testing import FakeOpenAI, FakeReply, Room, serve, told
from jackfield_openai.testing.forms import read_form

HOUR = 3600


def ask(fake, line, body=b"", kind="application/json"):
    method, _, path = line.partition(" ")
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    response = fake(HttpRequest(method, f"/v1{path}", {"content-type": kind}, body))
    return response.status, json.loads(response.body)


def form(**fields):
    lines = []
    for name, value in fields.items():
        filename = '; filename="a.jsonl"' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        lines.append(
            f'--xx\r\ncontent-disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + content + b"\r\n"
        )
    return b"".join(lines) + b"--xx--\r\n"


def upload(fake, content=b"{}\n", purpose="batch", **more):
    return ask(fake, "POST /files", form(purpose=purpose, file=content, **more), "multipart/form-data; boundary=xx")


def test_a_file_lives_and_dies():
    fake = FakeOpenAI()
    status, made = upload(fake, b"\x00\r\n--x\xff")
    assert (status, made["bytes"], made["filename"], made["status"]) == (200, 7, "a.jsonl", "processed")
    name = made["id"]
    assert ask(fake, f"GET /files/{name}") == (200, made)
    assert fake(HttpRequest("GET", f"/v1/files/{name}/content")).body == b"\x00\r\n--x\xff"
    assert ask(fake, f"DELETE /files/{name}") == (200, {"object": "file", "id": name, "deleted": True})
    assert ask(fake, f"GET /files/{name}")[0] == ask(fake, f"DELETE /files/{name}")[0] == 404


def test_time_passes_as_it_is_told():
    fake = FakeOpenAI()
    fake.files.processing = 10
    fake.files.broken["a.jsonl"] = "line 1 is no JSON"
    _, made = upload(fake, **{"expires_after[anchor]": "created_at", "expires_after[seconds]": str(HOUR)})
    assert made["status"] == "uploaded"
    assert made["expires_at"] == made["created_at"] + HOUR
    fake.advance(10)
    shown = ask(fake, f"GET /files/{made['id']}")[1]
    assert (shown["status"], shown["status_details"]) == ("error", "line 1 is no JSON")
    fake.advance(HOUR)
    assert ask(fake, f"GET /files/{made['id']}")[0] == 404
    assert FakeOpenAI(clock=lambda: 5.0).now == 5.0
    ticking = FakeOpenAI(tick=2)
    before = ticking.now
    ask(ticking, "GET /files")
    assert ticking.now == before + 2


def test_lists_page():
    fake = FakeOpenAI()
    made = [fake.files.add(f"{number}", b"x", "batch" if number % 2 else "user_data").id for number in range(5)]
    first = ask(fake, "GET /files?limit=2&order=asc")[1]
    assert [one["id"] for one in first["data"]] == made[:2]
    assert (first["has_more"], first["last_id"]) == (True, made[1])
    rest = ask(fake, f"GET /files?limit=9&order=asc&after={made[1]}")[1]
    assert [one["id"] for one in rest["data"]] == made[2:]
    assert not rest["has_more"]
    assert [one["id"] for one in ask(fake, "GET /files?purpose=batch")[1]["data"]] == [made[3], made[1]]
    assert ask(fake, "GET /files?limit=0")[0] == ask(fake, "GET /files?after=x")[0] == 400


def begun(fake, **more):
    told = {"filename": "a.bin", "purpose": "user_data", "bytes": 6, "mime_type": "text/plain", **more}
    return ask(fake, "POST /uploads", told)


def part(fake, name, data):
    return ask(fake, f"POST /uploads/{name}/parts", form(data=data), "multipart/form-data; boundary=xx")


def test_an_upload_in_parts_becomes_a_file():
    fake = FakeOpenAI()
    name = begun(fake)[1]["id"]
    two, one = (part(fake, name, data)[1]["id"] for data in (b"def", b"abc"))
    fake = FakeOpenAI.load(json.loads(json.dumps(fake.dump())))
    refused = [
        {"part_ids": [one]},
        {"part_ids": [one, "part_no"]},
        {"part_ids": []},
        {"part_ids": [one, two], "md5": "0" * 32},
    ]
    assert {ask(fake, f"POST /uploads/{name}/complete", body)[0] for body in refused} == {400}
    body = {"part_ids": [one, two], "md5": "e80b5017098950fc58aad83c8c14978e"}
    status, told = ask(fake, f"POST /uploads/{name}/complete", body)
    assert (status, told["status"]) == (200, "completed")
    assert fake.files.content(told["file"]["id"]) == b"abcdef"
    assert part(fake, name, b"x")[0] == 400


def test_an_upload_expires_and_is_cancelled():
    fake = FakeOpenAI()
    name = begun(fake)[1]["id"]
    fake.advance(HOUR)
    assert part(fake, name, b"abc")[1]["error"]["code"] == "upload_expired"
    other = begun(fake)[1]["id"]
    assert ask(fake, f"POST /uploads/{other}/cancel")[1]["status"] == "cancelled"
    assert part(fake, other, b"abc")[0] == 400
    assert part(fake, "upload_no", b"abc")[0] == 404
    for wrong in ({"bytes": 0}, {"bytes": "6"}, {"purpose": "fun"}, {"expires_after": {"seconds": 5}}):
        assert begun(fake, **wrong)[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        form(purpose="batch"),
        form(file=b"x"),
        form(file=b"x", purpose="fun"),
        form(file=b"", purpose="batch"),
        form(file=b"x", purpose="batch")[:-4],
        form(file=b"x", purpose="batch", **{"expires_after[seconds]": "3600"}),
    ],
)
def test_a_wrong_form_is_refused(wrong):
    fake = FakeOpenAI()
    status, told = ask(fake, "POST /files", wrong, "multipart/form-data; boundary=xx")
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert not fake.files.kept


def test_a_form_of_another_kind_has_no_parts():
    whole = form(purpose="batch")
    assert read_form("multipart/form-data; boundary=xx", whole).text("purpose") == "batch"
    for kind, body in (
        ("application/json", whole),
        ("multipart/form-data", whole),
        ("multipart/form-data; boundary=yy", whole),
        ("multipart/form-data; boundary=xx", whole.replace(b"\r\n\r\n", b"\r\n")),
        ("multipart/form-data; boundary=xx", whole.replace(b"content-disposition: ", b"content-disposition ")),
        ("multipart/form-data; boundary=xx", whole.replace(b'name="purpose"', b"x")),
    ):
        assert read_form(kind, body).parts == ()


def test_it_fails_as_it_is_told():
    fake = FakeOpenAI()
    name = fake.files.add("a", b"abcdef", "batch").id
    fake.fail("GET /files/*", status=429, code="rate_limit_exceeded", headers={"retry-after": "2"}, skip=1)
    seen = [fake(HttpRequest("GET", f"/v1/files/{name}")) for _ in range(3)]
    assert [reply.status for reply in seen] == [200, 429, 200]
    assert seen[1].headers["retry-after"] == "2"
    fake.fail("DELETE /files/*", lost="request")
    fake.fail("DELETE /files/*", lost="reply")
    for left in (True, False):
        with pytest.raises(ConnectionResetError):
            fake(HttpRequest("DELETE", f"/v1/files/{name}"))
        assert (name in fake.files.kept) == left
    name = fake.files.add("a", b"abcdef", "batch").id
    fake.fail("GET /files/*/content", cut=2)
    reply = fake(HttpRequest("GET", f"/v1/files/{name}/content"))
    assert (reply.body, reply.headers["content-length"]) == (b"ab", "6")


def test_what_it_does_not_have_is_not_found():
    fake = FakeOpenAI()
    name = fake.files.add("a", b"x", "batch").id
    for line in ("GET /nothing", f"PUT /files/{name}", f"GET /files/{name}/more", "GET /uploads"):
        assert ask(fake, line)[0] == 404
    assert fake.lines[0] == "GET /nothing"
    fake.files.readable = False
    name = fake.files.add("a", b"x", "user_data").id
    assert ask(fake, f"GET /files/{name}/content")[0] == 400


def test_a_room_can_be_added():
    class Bells(Room):
        name = "bells"
        rung = 0

        def answer(self, asked):
            if asked.steps != ("bells",):
                return None
            self.rung += 1
            return told({"rung": self.rung})

        def dump(self):
            return self.rung

        def load(self, state):
            self.rung = state

    class Belfry(FakeOpenAI):
        def __init__(self, **how):
            super().__init__(**how)
            self.rooms = (*self.rooms, Bells(self))

    fake = Belfry()
    ask(fake, "POST /bells")
    assert ask(Belfry.load(fake.dump()), "POST /bells") == (200, {"rung": 2})


def test_on_loopback_it_is_the_same():
    fake = FakeOpenAI()
    with serve(fake) as base:
        kind = {"content-type": "multipart/form-data; boundary=xx", "authorization": "Bearer key"}
        sent = urllib.request.Request(f"{base}/files", form(purpose="batch", file=b"{}"), kind)
        with urllib.request.urlopen(sent) as reply:
            name = json.load(reply)["id"]
        assert "authorization" not in fake.asked[0].headers
        with urllib.request.urlopen(f"{base}/files/{name}/content") as reply:
            assert reply.read() == b"{}"
        fake.fail("GET *", cut=1)
        with pytest.raises(http.client.IncompleteRead):
            urllib.request.urlopen(f"{base}/files/{name}/content").read()
        fake.fail("DELETE *", lost="reply")
        with pytest.raises(http.client.RemoteDisconnected):
            urllib.request.urlopen(urllib.request.Request(f"{base}/files/{name}", method="DELETE"))
        assert name not in fake.files.kept


def test_half_a_request_has_no_effect():
    fake = FakeOpenAI()
    with serve(fake) as base:
        place = urlsplit(base)
        connection = http.client.HTTPConnection(place.hostname, place.port)
        connection.putrequest("POST", "/v1/files")
        connection.putheader("content-length", "100")
        connection.endheaders(b"half")
        connection.close()
        with urllib.request.urlopen(f"{base}/files") as reply:
            assert json.load(reply)["data"] == []
    assert fake.lines == ["GET /files"]


def test_a_reply_that_is_lost_has_no_response():
    with pytest.raises(ConnectionResetError):
        _ = FakeReply(200, {}, lost=True).response
