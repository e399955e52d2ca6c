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
    return { ...heard, text: said.textContent, seconds: ((performance.now() - began) / 1000).toFixed(2) };
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

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-playground]");
    if (!form) return;
    event.preventDefault();
    const models = ["left", "right"].map((name) => form.elements[name].value).filter(Boolean);
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
