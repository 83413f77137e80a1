// Times in the reader's zone. The server writes UTC; with tz=local in the address
// what the page shows as a time is written anew, and times inside sentences, which
// stay as they were said, are marked UTC.
"use strict";

export const local = () => new URLSearchParams(location.search).get("tz") === "local";

const pad = (n, w = 2) => String(n).padStart(w, "0");

function parts(ms) {
  const d = new Date(ms);
  const get = (name) => (local() ? d[`get${name}`]() : d[`getUTC${name}`]());
  return { y: get("FullYear"), mo: pad(get("Month") + 1), d: pad(get("Date")), h: pad(get("Hours")), m: pad(get("Minutes")), s: pad(get("Seconds")), ms: pad(get("Milliseconds"), 3) };
}

// written writes a moment in one of the server's layouts.
export function written(ms, layout) {
  const p = parts(ms);
  switch (layout) {
    case "15:04": return `${p.h}:${p.m}`;
    case "01-02": return `${p.mo}-${p.d}`;
    case "15:04:05.000": return `${p.h}:${p.m}:${p.s}.${p.ms}`;
    case "2006-01-02 15:04:05": return `${p.y}-${p.mo}-${p.d} ${p.h}:${p.m}:${p.s}`;
  }
  return `${p.h}:${p.m}:${p.s}`;
}

export const clockOf = (ms) => written(ms, "15:04:05");

// zoneName is what stands behind a time.
export function zoneName(ms) {
  if (!local()) return "UTC";
  const off = -new Date(ms).getTimezoneOffset();
  return `UTC${off < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(off) / 60))}:${pad(Math.abs(off) % 60)}`;
}

// settle rewrites the times below an element, where the reader's zone was chosen.
export function settle(root) {
  if (!local()) return;
  for (const t of root.querySelectorAll("time[data-layout]")) t.textContent = written(Date.parse(t.dateTime), t.dataset.layout);
  for (const t of root.querySelectorAll("text[data-layout]")) t.textContent = written(Number(t.dataset.ms), t.dataset.layout);
  const at = Number(document.querySelector("[data-at]")?.dataset.at) || Date.now();
  for (const z of root.querySelectorAll(".zone")) z.textContent = zoneName(at);
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    if (n.parentElement.closest("time, [data-layout], pre, code, .message, .mono, .zone, .reading, output")) continue;
    const marked = n.data.replace(/\b\d\d:\d\d:\d\d(\.\d+)?\b(?! UTC)/g, "$& UTC");
    if (marked !== n.data) n.data = marked;
  }
}
