// Small helps; every page works without them.
// 1 answers wait on this device while the network is away   2 the tutor's words as they come
// 3 boxes and the print button                               4 focus after a small update
// 5 what is shown once is not lost by a slip of the finger   6 copying
(() => {
  "use strict";
  const QUEUE = "shuyuan.unsent";
  const RETRY_MS = 5000;
  const REFUSED = [400, 404, 409, 413, 422]; // sending it again would not help
  const SIGNED_OUT = [401, 403];

  // 1 · the queue: answers are idempotent by client key, so sending one twice is harmless
  const read = () => { try { return JSON.parse(localStorage.getItem(QUEUE) || "{}"); } catch { return {}; } };
  const write = (queue) => { try { localStorage.setItem(QUEUE, JSON.stringify(queue)); } catch { /* private mode */ } };
  const keep = (key, url, body) => write({ ...read(), [key]: { url, body, user: who() } });
  const drop = (key) => { const queue = read(); delete queue[key]; write(queue); };
  const who = () => document.querySelector("meta[name=account]")?.content || "";
  const say = (name) => {
    const line = document.querySelector(".saved");
    if (!line) return;
    line.textContent = line.dataset[name];
    line.classList.toggle("waiting", name !== "resent");
  };
  const link = (line, href) => {
    const way = document.createElement("a");
    way.href = href;
    way.textContent = line.textContent;
    line.replaceChildren(way);
  };

  // What became of an answer: it is kept here until the server has it or refuses it for good. False: wait.
  const settled = (key, status, page) => {
    if (status >= 200 && status < 300) { drop(key); return true; }
    const line = document.querySelector(".saved");
    if (REFUSED.includes(status)) {
      if (!line) return true; // told, and only then dropped, where there is room to say why
      const why = new DOMParser().parseFromString(page, "text/html").querySelector("h1");
      drop(key);
      say("refused");
      line.append(" ", why ? why.textContent.trim() : String(status));
      line.classList.add("waiting");
      return true;
    }
    say(SIGNED_OUT.includes(status) ? "signedOut" : status ? "busy" : "unsent");
    if (SIGNED_OUT.includes(status) && line) link(line, `/enter?back=${encodeURIComponent(location.pathname + location.search)}`);
    else setTimeout(resend, RETRY_MS);
    return false;
  };
  const opened = Date.now();
  let shownAt = opened;

  document.addEventListener("submit", (event) => {
    const seconds = event.target.querySelector("[data-seconds]");
    if (seconds) seconds.value = ((Date.now() - shownAt) / 1000).toFixed(1);
  }, true);
  document.addEventListener("htmx:configRequest", (event) => {
    const key = event.target.dataset?.queue;
    if (!key) return;
    const seconds = ((Date.now() - shownAt) / 1000).toFixed(1);
    event.detail.parameters.seconds = seconds;
    const body = new URLSearchParams(new FormData(event.target));
    body.set("seconds", seconds);
    keep(key, event.target.action, body.toString());
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const key = event.detail.requestConfig?.elt?.dataset?.queue; // not event.target: the answered form is gone by now
    if (key) settled(key, event.detail.xhr?.status || 0, event.detail.xhr?.responseText || "");
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    // an answer refused for want of a session stays on its page, which says so; anything else follows to the entrance
    if (event.target.dataset?.queue && event.detail.xhr.status === 401) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // a refusal of a button that renews the whole page is shown in its place
    if (event.detail.xhr.status >= 400 && event.detail.target.id === "main") event.detail.shouldSwap = true;
  });
  const resend = async () => {
    const mine = Object.entries(read()).filter(([, one]) => one.user === who() && who());
    for (const [key, one] of mine) {
      try {
        const answer = await fetch(one.url, {
          method: "POST", body: one.body, headers: { "content-type": "application/x-www-form-urlencoded", "HX-Request": "true" },
        });
        const page = await answer.text();
        if (!settled(key, answer.status, page)) return;
        if (!answer.ok) continue;
        say("resent");
        const asked = document.querySelector("form[data-queue] [name=item_id]")?.value;
        if (asked && asked === new URLSearchParams(one.body).get("item_id")) show(page);
      } catch { settled(key, 0, ""); return; }
    }
  };
  const show = (html) => {
    const sheet = document.getElementById("sheet");
    sheet.innerHTML = html;
    window.htmx?.process(sheet);
    settle(sheet);
  };
  addEventListener("online", resend);
  addEventListener("pageshow", resend);

  // 4 · after a swap the reader stands where the news is
  const settle = (place) => {
    shownAt = Date.now();
    const verdict = place.querySelector(".verdict");
    (place.querySelector("[data-next]") || place.querySelector("[data-focus]"))?.focus({ preventScroll: true });
    (verdict || (place.id === "cell" ? place : null))?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    const landed = document.getElementById(event.detail.target?.id) || event.detail.target;
    if (landed) settle(landed);
  });

  // 2 · the tutor: an event stream read with fetch, one sentence at a time
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-tutor]");
    if (!form) return;
    event.preventDefault();
    const field = form.elements.message;
    const text = field.value.trim();
    const wait = form.querySelector(".wait-line");
    if (form.dataset.busy) { wait.textContent = form.dataset.answering; return; } // what was typed stays
    if (!text) return;
    busy(form, true);
    const talk = document.querySelector(".tutor .talk");
    bubble(talk, "say me", text);
    wait.textContent = form.dataset.waiting;
    field.value = "";
    const answer = bubble(talk, "say", "");
    answer.setAttribute("aria-busy", "true");
    try {
      const stream = await fetch(form.dataset.tutor, {
        method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify({ message: text, language: document.documentElement.lang.slice(0, 2) }),
      });
      if (!stream.ok || !stream.body) throw new Error(String(stream.status));
      await listen(stream.body, (name, data) => tell(form, talk, answer, wait, name, data));
      if (!answer.textContent) throw new Error("empty");
    } catch {
      if (!answer.textContent) answer.textContent = form.dataset.failed;
    } finally {
      answer.removeAttribute("aria-busy");
      wait.textContent = "";
      busy(form, false);
    }
  });
  const busy = (form, on) => { // not `disabled`: that would take the focus away
    if (on) form.dataset.busy = "1"; else delete form.dataset.busy;
    form.querySelector("button[type=submit]").setAttribute("aria-disabled", String(on));
  };
  // A hint the tutor opened is opened in the ladder too; the ladder's own are known to the tutor on the server.
  const renew = async (form) => {
    const answer = await fetch(form.dataset.hints, { headers: { "HX-Request": "true" } }).catch(() => null);
    const ladder = document.getElementById("hints");
    if (!answer?.ok || !ladder) return;
    ladder.outerHTML = await answer.text();
    window.htmx?.process(document.getElementById("hints"));
  };
  const bubble = (talk, kind, text) => {
    const box = document.createElement("div");
    box.className = kind;
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
    talk.append(box);
    talk.scrollTop = talk.scrollHeight;
    return box;
  };
  const listen = async (body, on) => {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true }).replaceAll("\r\n", "\n");
      const frames = rest.split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        let name = "message", data = "";
        for (const line of frame.split("\n")) {
          if (line.startsWith("event:")) name = line.slice(6).trim();
          if (line.startsWith("data:")) data += line.slice(5).trim();
        }
        if (data && data !== "[DONE]") { try { on(name, JSON.parse(data)); } catch { /* a comment or keep-alive */ } }
      }
    }
  };
  // kinds of events: hint, source, queue, note, sentence, replaced, done; `html` was sanitised on the server
  const tell = (form, talk, box, wait, kind, data) => {
    const more = (tag, name, text) => {
      const element = document.createElement(tag);
      element.className = name;
      element.textContent = text;
      return element;
    };
    const from = data.passage;
    if (kind === "queue") {
      wait.textContent = data.ahead ? form.dataset.ahead.replace("%s", data.ahead) : form.dataset.waiting;
    } else if (kind === "source" && from?.href?.startsWith("/")) {
      const line = more("p", "src", "");
      const link = more("a", "", form.dataset.source.replace("%s", from.title));
      link.href = from.href;
      line.append(link);
      box.append(line);
    } else if (data.html || data.text) {
      const said = more("div", `said-${kind}`, data.html ? "" : data.text);
      if (data.html) said.innerHTML = data.html;
      if (kind === "replaced") said.append(" ", more("span", "tag line", form.dataset.replaced));
      box.querySelector(":scope > p:empty")?.remove();
      box.append(said);
      if (kind !== "hint") wait.textContent = form.dataset.answering;
    }
    if (data.number) renew(form);
    talk.scrollTop = talk.scrollHeight;
  };

  // 3 · boxes and print
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-all]");
    if (all) for (const box of document.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
  document.addEventListener("submit", (event) => {
    const none = event.target.querySelector("[data-nobody]");
    if (!none) return;
    none.hidden = !!event.target.querySelector("input[name=learner]:checked");
    if (!none.hidden) { event.preventDefault(); event.target.querySelector("input[name=learner]")?.focus(); }
  });
  // 6 · copying: the text of an element, and a word that it is done
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    getSelection().selectAllChildren(source); // where the clipboard is closed (plain HTTP), it can still be copied by hand
    try { await navigator.clipboard.writeText(source.textContent); } catch { if (!document.execCommand("copy")) return; }
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 2000);
  });
  // 5 · what is shown this once: leaving asks first, unless it was printed or the form carries it along
  const once = document.querySelector("[data-once]");
  if (once) {
    let kept = false;
    addEventListener("afterprint", () => { kept = true; });
    document.addEventListener("submit", (event) => { kept = kept || (event.target.id === "prefs" && once.dataset.once !== "lost"); });
    once.addEventListener("click", () => { kept = kept || "copy" in once.dataset; });
    addEventListener("beforeunload", (event) => { if (!kept) event.preventDefault(); });
  }
})();
