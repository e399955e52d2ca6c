"""The steps of the tour, in the order a school would take them."""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from shuyuan.entrypoints import process
from shuyuan.entrypoints.tour.transcript import Transcript

COURSE = "year7-expressions"
STRONG_POINT, WEAK_POINT = f"{COURSE}.removing-brackets", f"{COURSE}.substituting-values"
RIGHT_ANSWERS, WRONG_ANSWERS = 8, 5
ASK_AGAIN = ("Why is that?", "Please explain the rule in your own words.")
HINT_LIMIT_S, SHORTEST_TELLTALE = 0.2, 3
PULL_TIMEOUT_S, PATIENCE_S = 1800.0, 300.0
PASSAGE = (
    "A large language model predicts the next token. It learnt from many texts. Because it predicts words and does not "
    "look facts up, it can be wrong with great confidence. Check names, figures and dates in a second source. "
    "Never type your address, your marks or a friend's secret into a model that runs outside your school."
)
Json = Any  # JSON of the public API


class Walk:
    """One student, one teacher, one administrator and one developer of a running demo school."""

    def __init__(self, running: process.Running, starter: str, tell: Transcript) -> None:
        self.tell, self.starter, self.base_url = tell, starter, running.base_url
        self.demo = running.demo()
        self.calls = 0  # of the developer's key

    def all_steps(self) -> None:
        """Walk."""
        with self._people() as (student, teacher, admin, developer):
            self._arrive(student, admin)
            before = self._before(student)
            attempt = self._practise(student, teacher)
            self._after(student, before)
            self._ask_tutor(student, teacher, attempt)
            self._use_models(developer)
            self._see_class(student, teacher)
            self._turn_loop(admin)
            self._count(developer, admin)

    @contextmanager
    def _people(self) -> Iterator[tuple[httpx.Client, httpx.Client, httpx.Client, httpx.Client]]:
        accounts = {account["role"]: account for account in self.demo["accounts"]}
        with ExitStack() as stack:
            student, teacher, admin = (
                stack.enter_context(process.sign_in(self.base_url, accounts[role]))
                for role in ("student", "teacher", "admin")
            )
            key = {"authorization": f"Bearer {self.demo['api_key']}"}
            developer = stack.enter_context(httpx.Client(base_url=self.base_url, headers=key, timeout=PATIENCE_S))
            yield student, teacher, admin, developer

    def _arrive(self, student: httpx.Client, admin: httpx.Client) -> None:
        self.tell.step("1 · The school opens")
        who = _get(student, "/api/session")
        self.learner_id = who["account_id"]
        self.tell.claim(
            "pages answer, whether or not the models are here yet",
            _page(student, "/learn/today") == 200,
            f"{self.base_url} answers the student",
        )
        began = time.monotonic()
        wanted = {"embed"} | ({self.starter} if self.starter != "none" else set())
        here = _wait_for_models(admin, wanted, self.tell)
        self.tell.claim(
            "the starter models arrived and their hashes hold",
            here >= wanted,
            f"{', '.join(sorted(here & wanted))} after {time.monotonic() - began:.0f} s",
        )

    def _before(self, student: httpx.Client) -> dict[str, Json]:
        self.tell.step("2 · What the student knows, and what is next")
        before = _mastery(student, self.learner_id)
        activity = _get(student, f"/api/learners/{self.learner_id}/next")["activities"][0]
        self.tell.figures["mastery_before"] = before[STRONG_POINT]["p"]
        self.tell.figures["next"] = {key: activity[key] for key in ("kind", "point_id", "minutes", "title", "reason")}
        self.tell.say(f"{activity['title']['en']} · {activity['minutes']} min — {activity['reason']['en']}")
        self.tell.claim(
            "the next activity has a reason in both languages",
            bool(activity["reason"]["zh"] and activity["reason"]["en"] and activity["item_ids"]),
            activity["reason"]["zh"],
        )
        return before

    def _practise(self, student: httpx.Client, teacher: httpx.Client) -> Json:
        self.tell.step("3 · Practice: right answers on one topic, wrong ones on another")
        strong, right = self._answer_all(student, teacher, STRONG_POINT, RIGHT_ANSWERS, correctly=True)
        _, wrong = self._answer_all(student, teacher, WEAK_POINT, WRONG_ANSWERS, correctly=False)
        answers = right + wrong
        self.tell.figures["answers"] = len(answers)
        self.tell.claim("every answer was saved", all(one["saved"] for one in answers), f"{len(answers)} answers")
        verdicts = [one["verdict"]["correct"] for one in answers]
        self.tell.claim(
            "keys grade right and other answers wrong",
            verdicts == [True] * len(right) + [False] * len(wrong),
            f"{sum(verdicts)} right, {len(verdicts) - sum(verdicts)} wrong",
        )
        again = student.post(f"/api/attempts/{strong['id']}/answers", json=self._last_body).json()
        self.tell.claim("an answer sent twice is stored once", again["duplicate"] is True, "the same verdict came back")
        return strong

    def _answer_all(
        self, student: httpx.Client, teacher: httpx.Client, point: str, count: int, *, correctly: bool
    ) -> tuple[Json, list[Json]]:
        attempt = _post(student, "/api/attempts", {"course_id": COURSE, "point_id": point, "count": count})
        key: dict[str, Json] = _get(teacher, f"/api/attempts/{attempt['id']}/key")["key"]
        told = []
        for slot in attempt["slots"]:
            item_id = slot["item_id"]
            answer = key[item_id] if correctly else _other_than(key[item_id], self._question(student, attempt, item_id))
            body = {"item_id": item_id, "answer": answer, "client_key": uuid.uuid4().hex, "seconds": 20}
            told.append(_post(student, f"/api/attempts/{attempt['id']}/answers", body))
            if correctly:
                self._last_body = body
        return attempt, told

    def _question(self, student: httpx.Client, attempt: Json, item_id: str) -> Json:
        return _get(student, f"/api/attempts/{attempt['id']}/questions/{item_id}")

    def _after(self, student: httpx.Client, before: dict[str, Json]) -> None:
        after = _mastery(student, self.learner_id)
        self.tell.figures["mastery_after"] = after[STRONG_POINT]["p"]
        for point, rose in ((STRONG_POINT, True), (WEAK_POINT, False)):
            was, now = before[point]["p"], after[point]["p"]
            self.tell.claim(
                f"mastery {'rose with right' if rose else 'fell with wrong'} answers",
                (now > was) if rose else (now < was),
                f"{point}: {was:.3f} → {now:.3f}",
            )
        self.tell.claim(
            "evidence was counted",
            after[STRONG_POINT]["n"] >= before[STRONG_POINT]["n"] + RIGHT_ANSWERS,
            f"{before[STRONG_POINT]['n']} → {after[STRONG_POINT]['n']} answers",
        )

    def _ask_tutor(self, student: httpx.Client, teacher: httpx.Client, _attempt: Json) -> None:
        self.tell.step("4 · The tutor: a hint at once, then the lesson's passage, never the answer")
        attempt = _post(student, "/api/attempts", {"course_id": COURSE, "point_id": STRONG_POINT, "count": 1})
        item_id = attempt["slots"][0]["item_id"]
        key = _get(teacher, f"/api/attempts/{attempt['id']}/key")["key"][item_id]
        asked_points = set(self._question(student, attempt, item_id)["points"])
        path = f"/api/attempts/{attempt['id']}/items/{item_id}/tutor"
        first_s, events = _stream(student, path, {"message": "Where do I start?", "language": "en"})
        for question in ASK_AGAIN:  # a very small model sometimes says nothing that the guard lets through
            if self.starter == "none" or {"sentence", "replaced"} & {event["kind"] for event in events}:
                break
            events += _stream(student, path, {"message": question, "language": "en"})[1]
        kinds = [event["kind"] for event in events]
        passages = [event["passage"] for event in events if event["kind"] == "source"]
        said = " ".join(event.get("text", "") for event in events if event["kind"] in ("hint", "sentence", "replaced"))
        lesson_points = {
            point for passage in passages for point in _get(student, f"/api/lessons/{passage['lesson_id']}")["points"]
        }
        self.tell.figures["tutor"] = {
            "first_event_s": round(first_s, 3),
            "events": kinds,
            "passages": passages,
            "text": said,
        }
        self.tell.say(said[:300])
        self.tell.claim(
            "a hint came first, in under 200 ms",
            kinds[:1] == ["hint"] and first_s < HINT_LIMIT_S,
            f"after {first_s * 1000:.0f} ms",
        )
        self.tell.claim(
            "the tutor cited a passage of that lesson",
            bool(asked_points & lesson_points),
            ", ".join(passage["title"] for passage in passages) or "no passage",
        )
        told = self._answer_texts(key, self._question(student, attempt, item_id))
        self.tell.claim(
            "the final answer was not given away",
            not any(_bare(text) in _bare(said) for text in told if len(_bare(text)) >= SHORTEST_TELLTALE),
            f"{len(said)} characters, {kinds.count('replaced')} sentences replaced",
        )
        if self.starter == "none":
            self.tell.not_claimed("a model spoke", "no language model was asked for")
        else:
            self.tell.claim(
                "a model spoke under the guard",
                bool({"sentence", "replaced"} & set(kinds)),
                f"{kinds.count('sentence')} sentences",
            )
        seen = _get(teacher, f"/api/learners/{self.learner_id}/tutor-transcript")["turns"]
        self.tell.claim("the teacher can read the chat", bool(seen), f"{len(seen)} turns")

    @staticmethod
    def _answer_texts(key: Json, question: Json) -> list[str]:
        """What would give the answer away, in words: the key, or the texts of the right choices."""
        shown = {choice["id"]: choice["html"] for choice in question["choices"]}
        return [shown.get(part, part) for part in ([key] if isinstance(key, str) else key)]

    def _use_models(self, developer: httpx.Client) -> None:
        self.tell.step("5 · The same models over the API")
        models = {model["id"]: model for model in self._counted(developer, "GET", "/v1/models", counts=False)["data"]}
        claimed = set(models.get(self.starter, {}).get("tasks", ())) if self.starter != "none" else set()
        services: dict[str, Json] = {}
        self._chat(developer, claimed, services)
        summary = self._counted(developer, "POST", "/v1/services/summarize", {"text": PASSAGE, "sentences": 2})
        services["summarize"] = summary["summary"]
        self.tell.claim(
            "a text is summarised in its own sentences", 0 < len(summary["summary"]) < len(PASSAGE), summary["summary"]
        )
        self._translate(developer, claimed, services)
        phrases = ["去括号", "removing brackets", "a recipe for soup"]
        vectors = self._counted(developer, "POST", "/v1/embeddings", {"model": "embed", "input": phrases})["data"]
        near, far = (_cosine(vectors[0]["embedding"], vectors[place]["embedding"]) for place in (1, 2))
        self.tell.figures["embedding_dims"] = len(vectors[0]["embedding"])
        self.tell.claim(
            "a Chinese phrase lies nearer to its translation than to something else",
            near > far,
            f"{near:.3f} > {far:.3f}, {len(vectors[0]['embedding'])} dimensions",
        )
        ranked = self._counted(
            developer,
            "POST",
            "/v1/services/classify",
            {"text": "How do I remove the brackets from 3x - 2(x - 4)?", "labels": ["mathematics", "history", "sport"]},
        )
        services["classify"] = ranked["label"]
        self.tell.claim("a question is classified", ranked["label"] == "mathematics", str(ranked["labels"]))
        self.tell.figures["text_services"] = services

    def _chat(self, developer: httpx.Client, claimed: set[str], services: dict[str, Json]) -> None:
        if "chat" not in claimed:
            self.tell.not_claimed("chat", f"no model that claims chat was asked for (--starter {self.starter})")
            return
        told = self._counted(
            developer,
            "POST",
            "/v1/chat/completions",
            {
                "model": self.starter,
                "max_tokens": 40,
                "temperature": 0,
                "messages": [{"role": "user", "content": "Say in one short sentence what a school is."}],
            },
        )
        services["chat"] = told["choices"][0]["message"]["content"]
        self.tell.claim("the model chats", bool(services["chat"].strip()), services["chat"])

    def _translate(self, developer: httpx.Client, claimed: set[str], services: dict[str, Json]) -> None:
        body = {"text": "The school library opens at eight.", "target": "zh", "model": self.starter}
        if "translate" not in claimed:
            self.tell.not_claimed("translation", f"the card of {self.starter} does not claim it")
            services["translate"] = None
            return
        services["translate"] = self._counted(developer, "POST", "/v1/services/translate", body)["translation"]
        chinese = sum("一" <= letter <= "鿿" for letter in services["translate"])
        self.tell.claim("a sentence is translated into Chinese", chinese >= 4, services["translate"])

    def _see_class(self, student: httpx.Client, teacher: httpx.Client) -> None:
        self.tell.step("6 · The teacher sees it, sets practice, and takes it back")
        class_ = _get(teacher, "/api/classes")["classes"][0]
        seen = _get(teacher, f"/api/classes/{class_['id']}/map", course_id=COURSE)
        row = next((row for row in seen["rows"] if row["learner"]["id"] == self.learner_id), None)
        mine = _mastery(student, self.learner_id)[STRONG_POINT]
        shown = row["mastery"][STRONG_POINT] if row else {"n": 0}
        self.tell.figures["class_view"] = {
            "rows": len(seen["rows"]),
            "student": row["learner"] if row else None,
            "answers_shown": shown["n"],
        }
        self.tell.claim(
            "the class view shows the student with the new answers",
            shown["n"] == mine["n"],
            f"{len(seen['rows'])} pupils, {shown['n']} answers on the topic",
        )
        today = _get(teacher, f"/api/classes/{class_['id']}/today", course_id=COURSE)
        needy = [one["learner"]["id"] for one in today["stuck"]] or [self.learner_id]
        body = {"class_id": class_["id"], "learner_ids": needy, "course_id": COURSE, "point_id": STRONG_POINT}
        preview = _post(teacher, "/api/assignments/preview", body)["preview"]
        set_ = _post(teacher, "/api/assignments", body)
        back = _post(teacher, f"/api/assignments/{set_['id']}/undo", {})
        papers = _post(teacher, "/api/papers", body)["papers"]
        self.tell.claim(
            "practice was previewed, set and taken back",
            bool(back["undone_at"]) and len(preview) == len(needy),
            f"{len(needy)} pupils are stuck",
        )
        self.tell.claim(
            "a paper for each, with key",
            len(papers) == len(needy) and all(question["key"] for paper in papers for question in paper["questions"]),
            f"{len(papers)} papers",
        )

    def _turn_loop(self, admin: httpx.Client) -> None:
        self.tell.step("7 · The loop: from answers to a version that passes a gate, or is refused")
        before = _get(admin, "/api/loop")["status"]["serving"]
        turned = _post(admin, "/api/loop/turn", {})
        serving = _get(admin, "/api/loop")["status"]["serving"]
        self.tell.figures["loop"] = {key: turned[key] for key in ("number", "state", "answers", "learners", "figures")}
        for one in turned["conditions"]:
            self.tell.say(
                f"{one['name']:<20} {one['figure']:.4f} {one['comparison']} {one['limit']:.4f}"
                f"  {'passed' if one['passed'] else 'refused'}"
            )
        passed = all(one["passed"] for one in turned["conditions"])
        mine = turned["version"]
        right = {("champion", mine), ("canary", before)} if passed else {("refused", before)}
        self.tell.claim(
            "the gate decided and the platform obeyed",
            (turned["state"], serving) in right and before != mine,
            f"version {turned['number']} is {turned['state']}; {serving} is served",
        )
        self.tell.claim(
            "the version has a lineage",
            len(turned["data_sha256"]) == 64 and turned["left_out"] >= 1,
            f"data {turned['data_sha256'][:12]}…, {turned['left_out']} without consent left out",
        )

    def _count(self, developer: httpx.Client, admin: httpx.Client) -> None:
        self.tell.step("8 · Usage and activity log equal what was done")
        time.sleep(0.5)  # settling is asynchronous, but durable
        mine = _get(developer, "/api/usage/calls", limit=200)["calls"]
        settled = [call for call in mine if call["status"] == "settled"]
        self.tell.figures["usage"] = {
            "calls_made": self.calls,
            "calls_in_ledger": len(settled),
            "tokens": sum(c["prompt_tokens"] + c["completion_tokens"] for c in settled),
        }
        self.tell.claim(
            "usage equals the calls made",
            len(mine) == len(settled) == self.calls,
            f"{self.calls} calls, {len(settled)} settled lines",
        )
        done = {"practice.set": 1, "practice.taken_back": 1, "papers.made": 1, "transcript.read": 1}
        entries = _get(admin, "/api/audit", limit=500)["entries"]
        found = {action: sum(entry["action"] == action for entry in entries) for action in done}
        verified = _get(admin, "/api/audit/verify")
        self.tell.figures["audit"] = {**found, "entries": verified["entries"], "whole": verified["whole"]}
        self.tell.claim("the activity log equals what was done", found == done, str(found))
        self.tell.claim("the activity log is whole", verified["whole"], f"{verified['entries']} entries")

    def _counted(self, client: httpx.Client, method: str, path: str, body: Json = None, *, counts: bool = True) -> Json:
        self.calls += counts
        response = client.request(method, path, json=body)
        return _checked(response)


def _wait_for_models(admin: httpx.Client, wanted: set[str], tell: Transcript) -> set[str]:
    deadline, told = time.monotonic() + PULL_TIMEOUT_S, -1.0
    while True:
        models = {one["entry"]["name"]: one for one in _get(admin, "/api/models")}
        here = {name for name in wanted if models[name]["here"]}
        failed = [p["error"] for n in wanted if (p := models[n]["progress"]) and p["stage"] == "failed"]
        if here == wanted or failed or time.monotonic() > deadline:
            for error in failed:
                tell.say(f"a pull failed: {error}")
            return here
        share = _share(models, wanted)
        if share - told >= 0.1:
            tell.say(f"pulling: {share:.0%}")
            told = share
        time.sleep(1.0)


def _share(models: Mapping[str, Json], wanted: set[str]) -> float:
    total, done = 0, 0
    for name in wanted:
        size, progress = models[name]["entry"]["size_bytes"], models[name]["progress"] or {}
        total += size
        done += size if models[name]["here"] else progress.get("bytes_done", 0)
    return float(done / total)


def _mastery(client: httpx.Client, learner_id: str) -> dict[str, Json]:
    told = _get(client, f"/api/learners/{learner_id}/mastery", course_id=COURSE)
    return {point["point_id"]: point for point in told["points"]}


def _stream(client: httpx.Client, path: str, body: Json) -> tuple[float, list[Json]]:
    """Seconds to the first event, and every event's data."""
    began, first_s, events = time.monotonic(), 0.0, []
    with client.stream("POST", path, json=body, headers={"accept": "text/event-stream"}) as response:
        if response.is_error:
            response.read()
            _checked(response)
        for line in response.iter_lines():
            if line.startswith("data: "):
                first_s = first_s or time.monotonic() - began
                events.append(json.loads(line.removeprefix("data: ")))
    return first_s, events


def _other_than(key: Json, question: Json) -> Json:
    """A well-formed wrong answer."""
    choices = [choice["id"] for choice in question["choices"]]
    if choices:
        right = [key] if isinstance(key, str) else list(key)
        wrong = [choice for choice in choices if choice not in right]
        return wrong[:1] if question["kind"] == "multiple" else wrong[0]
    return "987654" if question["kind"] == "numeric" else "987654 + 1"


def _cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return float(dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5)


def _bare(text: str) -> str:
    """Without markup, spaces and multiplication signs, so that 2*x - 5 and 2x-5 compare equal."""
    return re.sub(r"<[^>]*>|[\s$*·×]", "", text)


def _page(client: httpx.Client, path: str) -> int:
    return client.get(path).status_code


def _get(client: httpx.Client, path: str, **params: Any) -> Json:
    return _checked(client.get(path, params=params))


def _post(client: httpx.Client, path: str, body: Json) -> Json:
    return _checked(client.post(path, json=body))


def _checked(response: httpx.Response) -> Json:
    if response.is_error:
        asked = f"{response.request.method} {response.request.url.path}"
        raise httpx.HTTPStatusError(
            f"{asked} answered {response.status_code}: {response.text[:500]}",
            request=response.request,
            response=response,
        )
    return response.json()
