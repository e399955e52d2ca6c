// How much of a model file has been sent. Works without: the file is sent all the same.
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.closest("form[enctype]")?.querySelector(".busy progress");
  const { loaded, total } = event.detail;
  if (!bar || !total) return;
  if (loaded < total) bar.value = (100 * loaded) / total; else bar.removeAttribute("value"); // sent; now it is examined
});
