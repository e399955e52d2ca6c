// The playground: answers appear as they are written. Without this file the form brings them whole.
(() => {
  "use strict";
  const request = (form, model) => {
    const value = (name) => form.elements[name].value.trim();
    const messages = [{ role: "user", content: value("prompt") }];
    if (value("system")) messages.unshift({ role: "system", content: value("system") });
    const body = { model, messages, max_tokens: Number(value("max_tokens")), temperature: Number(value("temperature")) };
    if (value("seed")) body.seed = Number(value("seed"));
    return { ...body, stream: true, stream_options: { include_usage: true } };
  };

  // One answer, piece by piece; returns what the page wants to know of the call.
  const listen = async (form, model, said) => {
    const began = performance.now();
    const answer = await fetch("/v1/chat/completions", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request(form, model)),
    });
    const heard = {
      status: answer.status, version: answer.headers.get("x-shuyuan-model-version") || "",
      overhead_ms: answer.headers.get("x-shuyuan-overhead-ms") || "", call_id: answer.headers.get("x-shuyuan-call") || "",
    };
    const wrong = (error) => { heard.error_code = String(error?.code || "error"); heard.error = String(error?.message || "").slice(0, 1000); };
    if (!answer.ok) wrong((await answer.json()).error);
    else {
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (!line.startsWith("data:") || line.slice(5).trim() === "[DONE]") continue;
          const chunk = JSON.parse(line.slice(5));
          if (chunk.error) wrong(chunk.error);
          said.textContent += chunk.choices?.[0]?.delta?.content || "";
        }
      }
    }
    return { ...heard, text: said.textContent.slice(0, 40000), seconds: ((performance.now() - began) / 1000).toFixed(2) };
  };

  const ask = async (form, model, n, place) => {
    const waiting = document.getElementById("side-waiting").content.cloneNode(true).firstElementChild;
    waiting.querySelector("code").textContent = model;
    place.append(waiting);
    const said = waiting.querySelector(".spoken");
    try {
      const heard = await listen(form, model, said);
      const fields = new URLSearchParams(new FormData(form));
      for (const [name, value] of Object.entries({ ...heard, n, model })) fields.set(name, value);
      const side = await fetch(`${form.action}/side`, { method: "POST", body: fields, headers: { "HX-Request": "true" } });
      if (!side.ok) throw new Error(String(side.status));
      waiting.outerHTML = await side.text();
    } catch {
      waiting.removeAttribute("aria-busy");
      for (const one of waiting.querySelectorAll("progress, .tag")) one.remove();
      const line = document.createElement("p");
      line.setAttribute("role", "alert");
      line.textContent = form.dataset.failed;
      waiting.append(line);
    }
  };

  // How long it is, and whether it may be too long for a chosen model; nothing is cut. Tokens are guessed: one for a
  // Chinese character, a quarter for any other.
  const HAN = /[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]/g;
  const measure = (form) => {
    const line = form.querySelector("[data-length]");
    const text = form.elements.prompt.value + form.elements.system.value;
    const han = (text.match(HAN) || []).length;
    const tokens = Math.ceil(han + (text.length - han) / 4);
    const contexts = ["left", "right"].map((name) => Number(form.elements[name].selectedOptions[0]?.dataset.context || 0));
    const context = Math.min(...contexts.filter(Boolean), Infinity);
    const over = text.length > Number(line.dataset.most);
    const near = tokens + Number(form.elements.max_tokens.value) > context;
    const fill = (words, given) => words.replace(/{(\w+)}/g, (_, name) => given[name].toLocaleString("en"));
    const parts = [fill(line.dataset.said, { chars: text.length, tokens })];
    if (over) parts.push(line.dataset.over);
    else if (near) parts.push(fill(line.dataset.near, { context }));
    line.textContent = text ? parts.join(" · ") : "";
    line.classList.toggle("slip", over || near);
    return !over;
  };
  const told = (event) => {
    const form = event.target.closest("form[data-playground]");
    if (form) measure(form);
  };
  document.addEventListener("input", told);
  document.addEventListener("change", told);
  for (const form of document.querySelectorAll("form[data-playground]")) measure(form);

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-playground]");
    if (!form) return;
    event.preventDefault();
    const models = ["left", "right"].map((name) => form.elements[name].value).filter(Boolean);
    if (!measure(form)) { form.elements.prompt.focus(); return; }
    if (form.dataset.busy || !form.elements.prompt.value.trim() || !models.length) return;
    form.dataset.busy = "1";
    form.querySelector("button").setAttribute("aria-disabled", "true");
    const place = document.getElementById("sides");
    place.className = `${models.length > 1 ? "api" : "stack"} gap-top`;
    place.replaceChildren();
    place.scrollIntoView({ block: "nearest" });
    await Promise.all(models.map((model, at) => ask(form, model, at + 1, place)));
    delete form.dataset.busy;
    form.querySelector("button").removeAttribute("aria-disabled");
  });
})();
