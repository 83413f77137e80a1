// The script of the page: it moves through time, and turns links and forms of
// the view into updates in place. Without it every link still works.
"use strict";

import { watch } from "./cursor.js";
import { listen } from "./keys.js";
import * as zone from "./zone.js";

const $ = (id) => document.getElementById(id);
const view = $("view");
const status = $("status");
document.documentElement.classList.add("scripted");

let pending = null; // the request under way, which a newer one ends

// ask loads an address; null where a newer request ended this one or it failed,
// which is said.
async function ask(url, headers) {
  pending?.abort();
  const mine = (pending = new AbortController());
  let html;
  try {
    const answer = await fetch(url, { headers, signal: mine.signal });
    html = await answer.text();
    if (!answer.ok) throw new Error(new DOMParser().parseFromString(html, "text/html").querySelector("p")?.textContent || answer.statusText);
  } catch (e) {
    if (e.name !== "AbortError") say("This could not be loaded: " + e.message);
    return null;
  }
  if (mine.signal.aborted) return null;
  say("");
  return html;
}

// show loads the view at an address and puts it in place; all of the page, where
// another window of time is asked for.
async function show(url, keep, whole) {
  const html = await ask(url, whole ? {} : { "X-Part": "view" });
  if (html === null) return false;
  if (!whole) return replace(html, keep), true;
  const page = new DOMParser().parseFromString(html, "text/html");
  $("head").replaceChildren(...document.importNode(page.getElementById("head"), true).childNodes);
  replace(page.getElementById("view").innerHTML, keep);
  begin();
  return true;
}

// replace swaps the view's content. What has the focus keeps it, open folds
// stay open, and a text that is being typed stays as typed.
function replace(html, keep) {
  const active = document.activeElement;
  const inView = view.contains(active);
  const id = inView ? path(active) : null;
  const typed = inView && active.matches("input[type=search]") ? [active.value, active.selectionStart] : null;
  const open = keep ? [...view.querySelectorAll("details[data-keep][open]")].map((d) => d.dataset.keep) : [];
  const place = window.scrollY;
  view.innerHTML = html; // rendered and escaped by the server
  for (const d of view.querySelectorAll("details[data-keep]")) if (open.includes(d.dataset.keep)) d.open = true;
  if (keep) window.scrollTo(0, place);
  const again = id && view.querySelector(id);
  if (again) {
    again.focus({ preventScroll: true });
    if (typed) {
      again.value = typed[0];
      again.setSelectionRange(typed[1], typed[1]);
    }
  }
  settle();
}

// path finds an element again after the view was replaced.
function path(el) {
  if (el.name) return `[name="${CSS.escape(el.name)}"]`;
  const steps = [];
  for (; el && el !== view; el = el.parentElement) steps.unshift(`:nth-child(${[...el.parentElement.children].indexOf(el) + 1})`);
  return "#view > " + steps.join(" > ");
}

// Branches of the tree are opened and shut by their buttons, and stay so.
const shut = new Map();
view.addEventListener("click", (e) => {
  const knot = e.target.closest(".fold")?.parentElement;
  if (!knot) return;
  shut.set(knot.dataset.fold, !knot.classList.contains("shut"));
  fold(knot);
});

function fold(knot) {
  knot.classList.toggle("shut", shut.get(knot.dataset.fold));
  knot.querySelector(".fold").setAttribute("aria-expanded", String(!shut.get(knot.dataset.fold)));
}

// settle reads from the view which moment it shows.
function settle() {
  zone.settle(view);
  for (const knot of view.querySelectorAll(".knot")) if (shut.has(knot.dataset.fold)) fold(knot);
  const shown = view.querySelector("[data-at]");
  if (!shown || dragging) return;
  $("time").value = shown.dataset.at;
  label(Number(shown.dataset.at));
  document.title = [view.querySelector("main h2")?.textContent.trim(), document.querySelector(".bar .name").textContent].filter(Boolean).join(" · ");
}

function label(ms) {
  const slider = $("time");
  $("when").textContent = zone.clockOf(ms);
  slider.setAttribute("aria-valuetext", `${zone.clockOf(ms)} ${zone.zoneName(ms)}`);
  const from = Number(slider.min);
  needle.hidden = ms < from || ms > Number(slider.max);
  needle.style.left = `calc(var(--gutter) + (100% - var(--gutter)) * ${(ms - from) / (Number(slider.max) - from || 1)})`;
}

function say(text) {
  status.textContent = text;
  status.classList.toggle("hidden", !text);
}

const window_ = (url) => ["from", "to", "strip", "tz"].map((k) => url.searchParams.get(k)).join("\n");

// go shows an address and remembers it; a step of the slider replaces the
// entry in the history, so that going back leaves the walk.
async function go(url, { replaced = false, keep = false } = {}) {
  url = new URL(url, location.href);
  const here = location.href;
  const whole = window_(url) !== window_(new URL(here));
  if (whole) history[replaced ? "replaceState" : "pushState"](null, "", url);
  const shown = await show(url, keep, whole);
  if (shown && !whole) history[replaced ? "replaceState" : "pushState"](null, "", url);
  if (!shown && whole && location.href === url.href) history.replaceState(null, "", here);
  return shown;
}

function changed(params) {
  const url = new URL(location.href);
  for (const [k, v] of Object.entries(params)) {
    if (v === null) url.searchParams.delete(k);
    else url.searchParams.set(k, v);
  }
  return url;
}

const at = (ms) => changed({ at: new Date(ms).toISOString() });

// --- moving through time

let dragging = false;
let busy = false;
let wanted = null;

// step shows the newest moment that is wanted, one request after the other,
// so that a fast drag skips moments and never falls behind.
async function step(ms) {
  wanted = ms;
  label(ms);
  if (busy) return;
  busy = true;
  while (wanted !== null) {
    const ms = wanted;
    wanted = null;
    await go(at(ms), { replaced: true, keep: true });
  }
  busy = false;
}

document.addEventListener("input", (e) => {
  if (e.target.id !== "time") return;
  dragging = true;
  step(Number(e.target.value));
});
document.addEventListener("change", (e) => {
  if (e.target.id === "time") dragging = false;
  if (e.target.id === "metric") go(changed({ strip: e.target.value }), { keep: true });
});

const needle = document.createElement("div");
needle.className = "needle";

let zooms = 0; // cuts that a double click takes back
watch({
  zoom: async (from, to) => {
    if (await go(changed({ from: new Date(from).toISOString(), to: new Date(Math.max(to, from + 1000)).toISOString() }), { keep: true })) zooms++;
  },
  pick: (ms) => step(ms),
  back: () => {
    wanted = null; // by the first of the two clicks: its answer would write another address while this goes back
    pending?.abort();
    if (zooms > 0) {
      zooms--;
      history.back();
    } else if (new URL(location.href).searchParams.has("from")) go(changed({ from: null, to: null }), { keep: true });
  },
});

listen({
  go: (url) => go(url).then((shown) => shown && window.scrollTo(0, 0)),
  moment: () => Number($("time").value),
  step: (n) => {
    const slider = $("time");
    step(Math.min(Math.max(Number(slider.value) + n * Number(slider.step), Number(slider.min)), Number(slider.max)));
  },
});

// --- links and forms of the view

const views = new Set(["/finding", "/process", "/profile", ...[...document.querySelectorAll(".tabs a[data-key]")].map((a) => new URL(a.href).pathname)]);

document.addEventListener("click", (e) => {
  const a = e.target.closest("a");
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || a.download) return;
  const url = new URL(a.href?.baseVal ?? a.href, location.href);
  if (url.origin !== location.origin || !views.has(url.pathname) || a.hasAttribute("data-whole") || url.searchParams.has("as")) return;
  e.preventDefault();
  const here = url.pathname === location.pathname;
  go(url, { keep: here }).then((shown) => {
    if (shown && !here) window.scrollTo(0, 0);
  });
});

function submit(form) {
  const url = new URL(form.action);
  url.search = new URLSearchParams([...new FormData(form)].filter(([, v]) => v)).toString();
  const now = new URL(location.href).searchParams;
  for (const k of ["at", "from", "to", "strip", "tz"]) if (now.has(k)) url.searchParams.set(k, now.get(k));
  return url;
}

document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || e.target.method === "dialog") return;
  e.preventDefault();
  go(submit(e.target), { keep: true });
});

let typing;
document.addEventListener("input", (e) => {
  if (!e.target.matches("[data-live]")) return;
  clearTimeout(typing);
  typing = setTimeout(() => go(submit(e.target.form), { replaced: true, keep: true }), e.target.matches("select") ? 0 : 120);
});

window.addEventListener("popstate", () => show(location.href, true, true));

// --- what comes later: the overview's curves, the findings, the present

async function loadStrip(mine) {
  const answer = await fetch("/strip" + location.search).catch(() => null);
  if (mine !== loads) return; // another header has come
  if (answer?.ok) {
    $("strip").innerHTML = await answer.text(); // rendered and escaped by the server
    zone.settle($("strip"));
    $("strip").append(needle);
  }
  if ($("strip").querySelector("[data-load]")) return void setTimeout(() => loadStrip(mine), 1500);
  if (waited && !dragging && !busy) await show(location.href, true);
  document.documentElement.classList.add("complete");
}

let waited = false;
let loads = 0;

// begin sets up a header that has just come.
function begin() {
  $("strip").classList.add("strip");
  $("strip").append(needle);
  zone.settle($("head"));
  settle();
  waited = $("strip").querySelector("[data-load]") !== null;
  if (waited) loadStrip(++loads);
  else document.documentElement.classList.add("complete");
}
begin();

// A live recording is followed while no moment is chosen: the view every two
// seconds, the header when it shows too little of the end.
async function follow() {
  if (view.hasAttribute("data-follow") && !new URL(location.href).searchParams.has("at") && !document.hidden && !dragging && !document.querySelector("dialog[open]")) {
    await show(location.href, true);
    const end = Number(view.querySelector("[data-at]")?.dataset.at);
    if (end > Number($("time").max) + 5000) await show(location.href, true, true);
  }
  setTimeout(follow, 2000);
}
setTimeout(follow, 2000);
