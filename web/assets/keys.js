// Keys: n and p go through the findings, [ and ] step, / searches, g and a letter
// chooses a view, ? says all this.
"use strict";

const quiet = (e) => e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.("input:not([type=range]), select, textarea, [contenteditable]");

// listen hears keys. go shows an address, step moves by so many steps.
export function listen({ go, step, moment }) {
  let chord = 0; // when g was pressed
  const help = document.getElementById("keys");
  const search = document.getElementById("search");

  // finding is the link of the next finding after the moment, or the one before it.
  const finding = (forward) => {
    const links = [...document.querySelectorAll("#strip a.flag[href]")].map((a) => a.getAttribute("href"));
    const here = new URL(location.href);
    const shown = here.pathname === "/finding" ? links.findIndex((l) => new URL(l, here).searchParams.get("id") === here.searchParams.get("id")) : -1;
    if (shown >= 0) return links[shown + (forward ? 1 : -1)];
    const onset = (l) => Date.parse(new URL(l, here).searchParams.get("at"));
    return forward ? links.find((l) => onset(l) > moment()) : links.findLast((l) => onset(l) < moment());
  };

  document.addEventListener("keydown", (e) => {
    if (quiet(e) || help.open || search.open) return;
    if (chord && performance.now() - chord < 1500) {
      chord = 0;
      const tab = document.querySelector(`.tabs a[data-key="${CSS.escape(e.key)}"]`);
      if (tab) {
        e.preventDefault();
        go(new URL(tab.href));
      }
      return;
    }
    switch (e.key) {
      case "n": case "p": {
        const link = finding(e.key === "n");
        if (link) go(new URL(link, location.href));
        break;
      }
      case "[": case "]": step(e.key === "]" ? 1 : -1); break;
      case "g": chord = performance.now(); break;
      case "/":
        search.showModal();
        search.querySelector("input").select();
        break;
      case "?": help.showModal(); break;
      default: return;
    }
    e.preventDefault();
  });

  // The search shows what the server finds while it is typed.
  const results = search.querySelector(".results");
  let asked = null;
  search.addEventListener("input", async (e) => {
    const url = new URL("/search", location.href);
    const now = new URL(location.href).searchParams;
    for (const k of ["at", "from", "to", "strip", "tz"]) if (now.has(k)) url.searchParams.set(k, now.get(k));
    url.searchParams.set("q", e.target.value);
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(url, { headers: { "X-Part": "view" }, signal: asked.signal });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".found");
      results.replaceChildren(...(found ? [document.importNode(found, true)] : []));
    } catch (err) {
      if (err.name !== "AbortError") results.textContent = "The search could not be made: " + err.message;
    }
  });
  search.addEventListener("submit", (e) => {
    e.preventDefault();
    results.querySelector("a")?.click();
  });
  search.addEventListener("click", (e) => {
    if (e.target.closest("a") || e.target === search) search.close();
  });
  help.addEventListener("click", (e) => {
    if (e.target === help) help.close();
  });
}
