// The script of the page: it moves through time, and turns links and forms of
// the view into updates in place. Without it every link still works.
"use strict";

const slider = document.getElementById("time");
const view = document.getElementById("view");
const strip = document.getElementById("strip");
const when = document.getElementById("when");
const status = document.getElementById("status");
document.documentElement.classList.add("scripted");

const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
let pending = null; // the request under way, which a newer one ends

// show loads the view at an address and puts it in place.
async function show(url, keep) {
  pending?.abort();
  const mine = (pending = new AbortController());
  let html;
  try {
    const answer = await fetch(url, { headers: { "X-Part": "view" }, signal: mine.signal });
    html = await answer.text();
    if (!answer.ok) throw new Error(new DOMParser().parseFromString(html, "text/html").querySelector("p")?.textContent || answer.statusText);
  } catch (e) {
    if (e.name !== "AbortError") say("This could not be loaded: " + e.message);
    return false;
  }
  if (mine.signal.aborted) return false;
  replace(html, keep);
  say("");
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

// settle reads from the view which moment it shows.
function settle() {
  const shown = view.querySelector("[data-at]");
  if (!shown || dragging) return;
  slider.value = shown.dataset.at;
  label(Number(shown.dataset.at));
  document.title = [view.querySelector("main h2")?.textContent.trim(), document.querySelector(".bar .name").textContent].filter(Boolean).join(" · ");
}

function label(ms) {
  when.textContent = clock(ms);
  slider.setAttribute("aria-valuetext", clock(ms) + " UTC");
  const from = Number(slider.min);
  needle.hidden = ms < from || ms > Number(slider.max);
  needle.style.left = `calc(var(--gutter) + (100% - var(--gutter)) * ${(ms - from) / (Number(slider.max) - from || 1)})`;
}

function say(text) {
  status.textContent = text;
  status.classList.toggle("hidden", !text);
}

// go shows an address and remembers it; a step of the slider replaces the
// entry in the history, so that going back leaves the walk.
async function go(url, { replaced = false, keep = false } = {}) {
  const shown = await show(url, keep);
  if (shown) history[replaced ? "replaceState" : "pushState"](null, "", url);
  return shown;
}

function at(ms) {
  const url = new URL(location.href);
  url.searchParams.set("at", new Date(ms).toISOString());
  return url;
}

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

slider.addEventListener("input", () => {
  dragging = true;
  step(Number(slider.value));
});
slider.addEventListener("change", () => {
  dragging = false;
});

// The strip is a slider too.
strip.addEventListener("pointerdown", (e) => {
  if (e.button !== 0 || e.target.closest("a")) return;
  const plane = () => strip.querySelector(".lane .plane").getBoundingClientRect();
  if (!strip.querySelector(".lane .plane") || e.clientX < plane().left) return;
  const move = (e) => {
    const box = plane(); // anew each time: the overview may have been filled in meanwhile
    const share = Math.min(Math.max((e.clientX - box.left) / box.width, 0), 1);
    slider.value = Number(slider.min) + share * (slider.max - slider.min);
    step(Number(slider.value));
  };
  e.preventDefault();
  dragging = true;
  strip.setPointerCapture(e.pointerId);
  move(e);
  strip.addEventListener("pointermove", move);
  strip.addEventListener("pointerup", () => {
    dragging = false;
    strip.removeEventListener("pointermove", move);
  }, { once: true });
});

const needle = document.createElement("div");
needle.className = "needle";
strip.classList.add("strip");
strip.append(needle);

// --- links and forms of the view

const views = ["/", "/findings", "/finding", "/processes", "/process", "/tree", "/links", "/events", "/logs", "/compare", "/profiles", "/profile"];

document.addEventListener("click", (e) => {
  const a = e.target.closest("a");
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || a.closest(".zoom")) return;
  const url = new URL(a.href?.baseVal ?? a.href, location.href);
  if (url.origin !== location.origin || !views.includes(url.pathname)) return;
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
  for (const k of ["at", "from", "to"]) if (now.has(k)) url.searchParams.set(k, now.get(k));
  return url;
}

document.addEventListener("submit", (e) => {
  e.preventDefault();
  go(submit(e.target), { keep: true });
});

let typing;
document.addEventListener("input", (e) => {
  if (!e.target.matches("[data-live]")) return;
  clearTimeout(typing);
  typing = setTimeout(() => go(submit(e.target.form), { replaced: true, keep: true }), e.target.matches("select") ? 0 : 120);
});

window.addEventListener("popstate", () => show(location.href, false));

// --- what comes later: the overview's curves, the findings, the present

async function loadStrip() {
  const answer = await fetch("/strip" + location.search).catch(() => null);
  if (answer?.ok) {
    strip.innerHTML = await answer.text(); // rendered and escaped by the server
    strip.append(needle);
  }
  if (strip.querySelector("[data-load]")) return void setTimeout(loadStrip, 1500);
  if (waited && !dragging && !busy) await show(location.href, true);
  document.documentElement.classList.add("complete");
}
const waited = strip.querySelector("[data-load]") !== null;
if (waited) loadStrip();
else document.documentElement.classList.add("complete");

// A live recording is followed while no moment is chosen.
async function follow() {
  if (view.hasAttribute("data-follow") && !new URL(location.href).searchParams.has("at") && !document.hidden && !dragging) {
    await show(location.href, true);
    const end = Number(view.querySelector("[data-at]")?.dataset.at);
    if (end > Number(slider.max) + 5000) {
      slider.max = end;
      await loadStrip();
    }
    settle();
  }
  setTimeout(follow, 2000);
}
setTimeout(follow, 2000);
settle();
