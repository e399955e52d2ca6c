"""Run this model without a network: a table or pictures in, answers out. Needs Python 3.11, numpy, onnxruntime;
a model of pictures also pillow.

    python run.py pupils.csv                   answers as CSV on the screen; .json and .jsonl are read too
    python run.py pupils.csv -o answers.json   the same into a file
    python run.py seven.png more.zip scans     a model of pictures: files, zips, folders, in any number
    python run.py pictures.csv                 the same; the picture column names files beside the table
    python run.py --serve 8765                 POST rows as JSON to http://127.0.0.1:8765/ (this machine only); a
                                               picture as it is, or in a row as {"base64": "..."}
    python run.py --check                      compare every file with the manifest

Each use adds one signed line to report.jsonl: how many calls and rows, how long, how many failed. It holds no inputs
and no answers. Send it back when there is a network: `shuyuan edge-report report.jsonl`.
"""

import argparse
import csv
import hashlib
import hmac
import importlib
import importlib.util
import json
import secrets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "lib")]
reading: Any = importlib.import_module("reading")  # Any: the file beside this one, of no package

MAX_BODY_BYTES, REPORT_EVERY_S, PICTURES_AT_ONCE = 16_000_000, 60.0, 32
Row = dict[str, Any]  # Any: whatever a cell holds


class Model:
    """The graph, how columns become its inputs, and what its outputs mean."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        self.spec: Mapping[str, Any] = json.loads((folder / "spec.json").read_text("utf-8"))
        features = folder / "features.json"
        self.features: Any = None  # Any: science.features.Features, of the files in lib/
        if features.is_file():
            from shuyuan.science.features import Features

            self.features = Features.from_json(features.read_text("utf-8"))
        kinds = dict(self.features.kinds) if self.features is not None else {}
        self.columns = list(kinds)
        self.picture = next((name for name, kind in kinds.items() if kind == "image"), None)
        if self.picture is not None and importlib.util.find_spec("PIL") is None:
            raise reading.Refused("this model reads pictures, which takes pillow; run `python -m pip install pillow`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def answer(self, rows: Sequence[Row]) -> list[Row]:
        """One answer a row. Raises Refused."""
        import numpy as np

        if not rows:
            return []
        if self.picture is not None and len(rows) > PICTURES_AT_ONCE:
            parts = [rows[at : at + PICTURES_AT_ONCE] for at in range(0, len(rows), PICTURES_AT_ONCE)]
            return [one for part in parts for one in self.answer(part)]
        inputs = self._encoded(rows) if self.features is not None else self._given(rows)
        if self.picture is not None:
            inputs = self._shaped(inputs)
        wanted = {port.name for port in self.session.get_inputs()}
        names = [port.name for port in self.session.get_outputs()]
        outputs = dict(
            zip(names, self.session.run(None, {k: v for k, v in inputs.items() if k in wanted}), strict=True)
        )
        main = np.asarray(outputs.get(self.spec.get("output", ""), outputs[names[0]]))
        labels = [str(label) for label in self.spec.get("labels", ())]
        if labels and main.ndim == 2 and main.shape[1] == len(labels):
            return _classes(main, labels)
        if main.ndim <= 2 and main.size == len(rows):
            scale = self.spec.get("scale") or {"mean": 0.0, "spread": 1.0}
            return [{"prediction": float(value) * scale["spread"] + scale["mean"]} for value in main.reshape(-1)]
        return [{name: np.asarray(value)[at].tolist() for name, value in outputs.items()} for at in range(len(rows))]

    def _encoded(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [reading.cell(row.get(name)) for row in rows] for name in names}
        try:
            made: Mapping[str, Any] = self.features.transform(columns)
        except (ValueError, KeyError) as wrong:  # BadColumn is a ValueError
            raise reading.Refused(str(wrong)) from wrong
        return made

    def _shaped(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """As the graph takes pictures: by its own name where it has one input, pixels in a row where it wants rows."""
        ports = self.session.get_inputs()
        named = {ports[0].name: next(iter(inputs.values()))} if len(ports) == len(inputs) == 1 else inputs
        flat = [port.name for port in ports if len(port.shape) == 2]
        return {name: one.reshape(len(one), -1) if name in flat else one for name, one in named.items()}

    def _given(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Without features a row holds the graph's inputs by name."""
        import numpy as np

        kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
        made = dict[str, Any]()
        for port in self.session.get_inputs():
            if any(port.name not in row for row in rows):
                raise reading.Refused(
                    f"a row has no {port.name!r}; each row needs {[p.name for p in self.session.get_inputs()]}"
                )
            try:
                made[port.name] = np.asarray([row[port.name] for row in rows], kinds.get(port.type, np.float32))
            except (ValueError, TypeError) as wrong:
                raise reading.Refused(f"{port.name!r} is not {port.type}: {wrong}") from wrong
        return made


class Report:
    """Signed lines of counts, one for each use."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "report.jsonl"
        self._about: Mapping[str, str] = json.loads((folder / "bundle.json").read_text("utf-8"))
        self._lock = threading.Lock()
        self._began = time.time()
        self._counts = {"calls": 0, "rows": 0, "errors": 0, "seconds": 0.0}

    def note(self, rows: int, seconds: float, *, ok: bool) -> None:
        """Count a call."""
        with self._lock:
            for name, more in (("calls", 1), ("rows", rows if ok else 0), ("errors", not ok), ("seconds", seconds)):
                self._counts[name] += more

    def write(self) -> None:
        """Append what was counted since the last line; nothing when nothing was."""
        with self._lock:
            counts, began = dict(self._counts), self._began
            if not counts["calls"]:
                return
            self._counts, self._began = dict.fromkeys(counts, 0), time.time()
            line = {
                "report": secrets.token_hex(16),
                "bundle": self._about["bundle"],
                "began_at": datetime.fromtimestamp(began, UTC).isoformat(),
                "ended_at": datetime.now(UTC).isoformat(),
                **counts,
                "seconds": round(counts["seconds"], 6),
            }
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line | {"signature": signature(self._about["key"], line)}) + "\n")


def signature(key: str, line: Mapping[str, Any]) -> str:
    """HMAC-SHA256 over the line's JSON with sorted names and no spaces."""
    said = json.dumps(line, sort_keys=True, separators=(",", ":"))
    return hmac.new(bytes.fromhex(key), said.encode(), hashlib.sha256).hexdigest()


def check(folder: Path) -> None:
    """Raise Refused unless every file is the one the manifest names."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for name, told in manifest["files"].items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != told["sha256"]:
            raise reading.Refused(f"{name} is not the file of this bundle; unpack the zip again")


def write(answers: Sequence[Row], name: str, out: IO[str]) -> None:
    """CSV, or JSON where the name says so."""
    if name.endswith(".json"):
        json.dump(list(answers), out, ensure_ascii=False)
        return
    if answers:
        table = csv.DictWriter(out, list(answers[0]))
        table.writeheader()
        table.writerows(answers)


def timed(model: Model, report: Report, rows: Sequence[Row]) -> list[Row]:
    """Answer and count."""
    began, ok = time.perf_counter(), False
    try:
        answers = model.answer(rows)
        ok = True
    finally:
        report.note(len(rows), time.perf_counter() - began, ok=ok)
    return answers


def serve(model: Model, report: Report, port: int) -> None:
    """Answer POSTs on this machine until Ctrl-C."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            try:
                if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                    raise reading.Refused(f"content-length is {length!r}; send at most {MAX_BODY_BYTES} bytes")
                body = self.rfile.read(int(length))
                if self.headers.get("content-type", "").startswith("image/"):
                    rows = [{reading.picture_of(model.columns, model.picture): body}]
                else:
                    rows = reading.read("body.json", reading.text(body))
                self._say(200, {"answers": timed(model, report, rows)})
            except reading.Refused as why:
                self._say(400, {"error": str(why)})
            except Exception as defect:  # the next request is answered all the same
                self._say(500, {"error": type(defect).__name__})

        def do_GET(self) -> None:
            self._say(200, {"spec": {k: v for k, v in model.spec.items() if k != "features"}})

        def log_message(self, *_args: object) -> None:
            """Nothing of what is asked is written anywhere."""

        def _say(self, status: int, body: Mapping[str, Any]) -> None:
            sent = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    stop = threading.Event()

    def write_now_and_then() -> None:
        while not stop.wait(REPORT_EVERY_S):
            report.write()

    threading.Thread(target=write_now_and_then, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        stop.set()
        server.server_close()
        report.write()


def main(words: Sequence[str] | None = None) -> int:
    """Parse, check, answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="*", help=".csv, .json or .jsonl; - reads JSON from standard input; pictures")
    parser.add_argument("-o", "--output", default="-", help=".csv or .json; left out: CSV on the screen")
    parser.add_argument("--serve", type=int, metavar="PORT", help="0 picks a free one")
    parser.add_argument("--check", action="store_true")
    told = parser.parse_args(words)
    try:
        check(FOLDER)
        if told.check:
            print("every file is as the manifest says")
            return 0
        if told.serve is None and not told.table:
            parser.print_help()
            return 2
        model, report = Model(FOLDER), Report(FOLDER)
        if told.serve is not None:
            serve(model, report, told.serve)
            return 0
        try:
            _once(model, report, told.table, told.output)
        finally:
            report.write()
    except (reading.Refused, OSError) as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    return 0


def _once(model: Model, report: Report, given: Sequence[str], output: str) -> None:
    names, rows = reading.rows_of(given, model.columns, model.picture)
    answers = timed(model, report, rows)
    if names:
        answers = [{"file": name, **answer} for name, answer in zip(names, answers, strict=True)]
    if output == "-":
        write(answers, "-", sys.stdout)
        return
    with Path(output).open("w", encoding="utf-8", newline="") as out:
        write(answers, output, out)


def _classes(scores: Any, labels: Sequence[str]) -> list[Row]:
    """The likeliest label of each row and all probabilities."""
    import numpy as np

    sums = scores.sum(1)
    if (scores < 0).any() or not np.allclose(sums, 1, atol=1e-3):  # logits
        raised = np.exp(scores - scores.max(1, keepdims=True))
        scores = raised / raised.sum(1, keepdims=True)
    told = scores.tolist()
    return [
        {
            "prediction": labels[max(range(len(labels)), key=row.__getitem__)],
            **dict(zip([f"p_{one}" for one in labels], row, strict=True)),
        }
        for row in told
    ]


if __name__ == "__main__":
    sys.exit(main())
