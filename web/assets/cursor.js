// One cursor for all charts: hovering one shows a hair at that instant on every
// other, with the values there; dragging cuts the window of all of them.
"use strict";

import { clockOf } from "./zone.js";

const parsed = new WeakMap(); // an element with data-chart → its curves

function curves(el) {
  if (!parsed.has(el)) {
    let chart = { curves: [] };
    try {
      chart = JSON.parse(el.dataset.chart);
    } catch {
      // a lane whose curve has not been read yet
    }
    parsed.set(el, chart);
  }
  return parsed.get(el);
}

// format writes a number as the server does: three digits and a suffix.
export function format(v, unit) {
  const digits = (x) => (x === 0 ? "0" : Math.abs(x) >= 100 || Number.isInteger(x) ? x.toFixed(0) : Math.abs(x) >= 10 ? String(+x.toFixed(1)) : Math.abs(x) >= 0.01 ? String(+x.toFixed(2)) : x.toPrecision(2));
  const scaled = (x, base, names) => {
    let i = 0;
    for (; Math.abs(x) >= base && i < names.length - 1; i++) x /= base;
    return digits(x) + names[i];
  };
  switch (unit) {
    case "B": case "bytes": return scaled(v, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]);
    case "B/s": case "bytes/s": return scaled(v, 1024, [" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"]);
    case "ns": return Math.abs(v) < 1e9 ? scaled(v, 1000, [" ns", " µs", " ms"]) : digits(v / 1e9) + " s";
    case "s": return digits(v) + " s";
    case "%": return digits(v) + " %";
  }
  const number = Math.abs(v) < 100000 ? digits(v).replace(/\B(?=(\d{3})+$)/, ",") : scaled(v, 1000, ["", " k", " M", " G", " T"]);
  return unit && unit !== "count" ? number + " " + unit : number;
}

// valueAt is the newest value of a curve at or before a moment; undefined or null
// where none was recorded: before the first, in a gap, or long after the last.
function valueAt(curve, t) {
  let lo = 0;
  let hi = curve.t.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (curve.t[mid] <= t) lo = mid + 1;
    else hi = mid;
  }
  const n = curve.t.length;
  const usual = n > 1 ? (curve.t[n - 1] - curve.t[0]) / (n - 1) : 0;
  if (!lo || (lo === n && t - curve.t[n - 1] > Math.max(5 * usual, 15000))) return undefined;
  return curve.v[lo - 1];
}

const all = () => document.querySelectorAll("[data-chart]");
const span = (el) => [Number(el.dataset.from), Number(el.dataset.to)];

// showAt draws the hair of every chart at a moment; null takes them away.
export function showAt(ms) {
  for (const el of all()) {
    const field = el.querySelector(".field");
    let hair = field.querySelector(".hair");
    const [from, to] = span(el);
    const out = el.matches(".lane") ? null : el.querySelector(".reading");
    if (ms === null || ms < from || ms > to) {
      hair?.remove();
      if (out) out.textContent = "";
      continue;
    }
    if (!hair) field.append((hair = Object.assign(document.createElement("div"), { className: "hair" })));
    hair.style.left = `${(100 * (ms - from)) / (to - from || 1)}%`;
    if (out) out.textContent = `${clockOf(ms)}: ${said(el, ms - from)}`;
  }
  const strip = document.querySelector("#strip .reading");
  if (!strip) return;
  const lanes = [...document.querySelectorAll("#strip .lane[data-chart]")];
  strip.textContent = ms === null || !lanes.length ? "" : `${clockOf(ms)}: ` + lanes.map((l) => `${l.querySelector(".lane-name").textContent} ${said(l, ms - span(l)[0])}`).join(", ");
}

function said(el, t) {
  const chart = curves(el);
  const values = chart.curves.map((c) => [c.name, valueAt(c, t)]);
  if (values.length === 1) return values[0][1] == null ? "not known" : format(values[0][1], chart.unit);
  return values.map(([name, v]) => `${name} ${v == null ? "–" : format(v, chart.unit)}`).join(", ");
}

// momentUnder is the moment under the pointer and the chart it is in, or null.
export function momentUnder(e) {
  const field = e.target.closest?.(".field");
  const el = field?.closest("[data-from]");
  if (!el) return null;
  const box = field.getBoundingClientRect();
  const [from, to] = span(el);
  const share = Math.min(Math.max((e.clientX - box.left) / box.width, 0), 1);
  return { el, field, share, ms: Math.round(from + share * (to - from)) };
}

// watch calls zoom(from, to) after a drag over a chart, pick(ms) after a click on
// the strip, and back() after a double click.
export function watch({ zoom, pick, back }) {
  let drag = null;
  document.addEventListener("pointermove", (e) => {
    const m = momentUnder(e);
    showAt(m && !drag ? m.ms : drag ? drag.at(e) : null);
  });
  document.addEventListener("pointerleave", () => showAt(null));
  document.addEventListener("pointerdown", (e) => {
    const m = momentUnder(e);
    if (!m || e.button !== 0 || e.target.closest("a, select, input")) return;
    const box = document.createElement("div");
    box.className = "pick";
    m.field.append(box);
    const frame = m.field.getBoundingClientRect();
    const [from, to] = span(m.el);
    const share = (x) => Math.min(Math.max((x - frame.left) / frame.width, 0), 1);
    drag = {
      at: (e) => from + share(e.clientX) * (to - from),
      move: (e) => {
        const [a, b] = [m.share, share(e.clientX)].sort((x, y) => x - y);
        box.style.left = `${100 * a}%`;
        box.style.width = `${100 * (b - a)}%`;
      },
    };
    e.preventDefault();
    m.field.setPointerCapture(e.pointerId);
    m.field.addEventListener("pointermove", drag.move);
    const end = (e) => {
      m.field.removeEventListener("pointermove", drag.move);
      m.field.removeEventListener("pointerup", end);
      m.field.removeEventListener("pointercancel", end);
      const at = drag.at(e);
      box.remove();
      drag = null;
      if (e.type === "pointercancel") return;
      if (Math.abs(e.clientX - frame.left - m.share * frame.width) > 6) zoom(...[m.ms, at].sort((x, y) => x - y));
      else if (m.el.closest("#strip")) pick(m.ms);
    };
    m.field.addEventListener("pointerup", end);
    m.field.addEventListener("pointercancel", end);
  });
  document.addEventListener("dblclick", (e) => {
    if (momentUnder(e) && !e.target.closest("a")) back();
  });
}
