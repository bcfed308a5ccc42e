/**
 * The one connection of a page for live news. It comes back by itself, and every watch goes on after the last ID it has seen. It is a
 * WebSocket; where none can be opened, server-sent events are used instead, and the WebSocket is tried again whenever they end.
 * While the tab is hidden for a minute it is closed; the page resumes when it is looked at again.
 */
import { EventsWay, SocketWay } from "./ways.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const HIDDEN_MS = 60_000;
/** Streams of events of hidden tabs would use up the six connections that a browser has to a site. */
const HIDDEN_EVENTS_MS = 3000;
/** Closed with one of these, coming back makes no sense: nobody is signed in. */
const FINAL = new Set([4401, 4403]);
/** Too many are open already: the page does without, and looks from time to time whether another was closed. */
const FULL = 4429;
/** The code of an error: no room to follow another stream. */
const BUSY = "busy";
/** What has arrived is acknowledged once a second, or as soon as it is this much. */
const ACK_MS = 1000;
const ACK_CHARS = 128 * 1024;

/**
 * `settled`: it has begun on this connection, or cannot; `busy`: there is no room for it.
 * @type {Map<string, {frame: object, on: object, lastId: string | null, epoch: string | null, busy: boolean, settled: boolean}>}
 */
const watches = new Map();
const listeners = new Set();
/** @type {SocketWay | EventsWay | null} */
let way = null;
/** Whether a WebSocket could be opened on this page, and whether events are to be tried because none could. */
let worked = false;
let blocked = false;
let asked = 0;
let pause = FIRST_PAUSE_MS;
let retry = 0;
let hide = 0;
let state = "off";
/** Since when, on the clock of `performance.now()`, nothing was heard. */
let since = 0;
let over = false;
/** The last ID of each watch that is still to be acknowledged. @type {Map<string, string>} */
const arrived = new Map();
let arrivedChars = 0;
let ackTimer = 0;

/**
 * @param {object} frame  topic and what belongs to it, as in docs/live.md; `after` for where to begin
 * @param {object} on     a function for each type of frame that is of interest: watching, entries, reset, changed, status, error
 * @returns {() => void}   ends the watch: nothing of it comes any more, not even what is under way
 */
export function watch(frame, on) {
  const id = `w${(asked += 1)}`;
  watches.set(id, { frame, on, lastId: null, epoch: null, busy: false, settled: false });
  if (way) way.watch(question(id));
  else open();
  return () => unwatch(id);
}

function unwatch(id) {
  const { busy } = watches.get(id);
  watches.delete(id);
  arrived.delete(id);
  way?.unwatch(id);
  if (busy) say(well());
}

/** @param {(state: "live" | "reconnecting" | "off", since: number, isFallback: boolean) => void} listener */
export function onState(listener) {
  listeners.add(listener);
  listener(state, since, false);
}

/**
 * A status frame of a server tells more than the socket itself.
 * @param {"live" | "reconnecting" | "off"} next @param {number} age  milliseconds since something was heard
 */
export function say(next, age = 0) {
  if (next === state) return;
  state = next;
  since = performance.now() - age;
  for (const listener of listeners) listener(state, since, way?.isFallback ?? false);
}

function open() {
  if (way || document.hidden) return;
  clearTimeout(retry);
  const listener = { opened, frame: receive, closed };
  way = blocked ? new EventsWay(questions, listener) : new SocketWay(listener);
}

function opened() {
  if (way.isFallback) return; // it was made with its questions
  worked = true;
  questions().forEach((each) => way.watch(each));
}

const questions = () => [...watches.keys()].map(question);

function question(id) {
  const { frame, lastId, epoch } = watches.get(id);
  const resumed = lastId === null ? {} : { after: lastId, epoch };
  return { type: "watch", id, ...frame, ...resumed };
}

function receive(frame, length) {
  const known = watches.get(frame.id);
  if (!known) return;
  if (frame.type === "watching") begun(known, frame);
  if (frame.type === "reset") Object.assign(known, { epoch: frame.epoch, lastId: frame.after });
  if (frame.type === "entries") take(known, frame, length);
  if (frame.type === "error") refused(known, frame.code === BUSY);
  if (frame.type === "status") say(frame.state === "live" ? well() : "reconnecting", frame.age_ms ?? 0);
  known.on[frame.type]?.(frame);
}

/** @param {boolean} isBusy  the server follows too many streams already: what is shown is not live */
function refused(known, isBusy) {
  if (known.settled && !isBusy) return; // it goes on, and the page says by itself what is wrong
  Object.assign(known, { settled: true, busy: isBusy });
  say(well());
}

/** A page that follows only some of what it shows is not live, and none is before all of it has begun. */
function well() {
  const all = [...watches.values()];
  if (all.some(({ busy }) => busy)) return "off";
  return all.every(({ settled }) => settled) ? "live" : state;
}

function begun(known, frame) {
  pause = FIRST_PAUSE_MS;
  Object.assign(known, { busy: false, settled: true });
  say(well());
  if (!frame.epoch) return;
  Object.assign(known, { epoch: frame.epoch, lastId: frame.after });
}

/** A frame that does not follow the one before would be a gap that nobody counted: begin again from what is certain. */
function take(known, frame, length) {
  if (frame.prev_id !== known.lastId) {
    way.close();
    return;
  }
  known.lastId = frame.last_id;
  arrived.set(frame.id, frame.last_id);
  arrivedChars += length;
  if (arrivedChars >= ACK_CHARS) acknowledge();
  else ackTimer ||= setTimeout(acknowledge, ACK_MS);
}

function acknowledge() {
  for (const [id, last_id] of arrived) way?.acknowledge(id, last_id);
  forgetArrived();
}

function forgetArrived() {
  clearTimeout(ackTimer);
  ackTimer = arrivedChars = 0;
  arrived.clear();
}

/** Nobody may come back at the same moment as all the others. */
function closed(code) {
  const { isFallback, hasOpened } = way;
  way = null;
  for (const known of watches.values()) known.settled = false;
  forgetArrived();
  blocked = !isFallback && !hasOpened && !worked;
  if (blocked) return open();
  over = FINAL.has(code);
  say(over || code === FULL ? "off" : "reconnecting");
  if (over) return;
  if (code === FULL) pause = LONGEST_PAUSE_MS;
  retry = setTimeout(open, pause * (0.5 + Math.random()));
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

function hiddenOrShown() {
  clearTimeout(hide);
  if (document.hidden) hide = setTimeout(() => way?.close(), way?.isFallback ? HIDDEN_EVENTS_MS : HIDDEN_MS);
  else if (watches.size && !over) open();
}

document.addEventListener("visibilitychange", hiddenOrShown);
addEventListener("online", () => watches.size && !over && open());
