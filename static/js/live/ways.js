/**
 * The ways news come to a page: a WebSocket, and server-sent events where WebSockets are blocked. Both carry the frames of docs/live.md.
 *
 * @typedef {{opened: () => void, frame: (frame: object, length: number) => void, closed: (code: number) => void}} Listener
 * `closed` is called once, whoever ends it.
 */

/** A socket that neither opens nor fails is held up on the way. */
const OPEN_WITHIN_MS = 5000;
/** The server sends a sign of life each 10 seconds. */
const SILENT_MS = 35_000;
const LOST = 1006;
/** As if there were too many: a request that is answered with an error is not made again at once. */
const REFUSED = 4429;
const ENDED = 1000;

export class SocketWay {
  isFallback = false;
  hasOpened = false;

  /** @param {Listener} listener */
  constructor(listener) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}${document.body.dataset.ws}`);
    const timer = setTimeout(() => this.socket.close(), OPEN_WITHIN_MS);
    this.socket.addEventListener("open", () => {
      clearTimeout(timer);
      this.hasOpened = true;
      listener.opened();
    });
    this.socket.addEventListener("message", ({ data }) => listener.frame(JSON.parse(data), data.length));
    this.socket.addEventListener("close", ({ code }) => {
      clearTimeout(timer);
      listener.closed(code);
    });
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** @param {object} question  a watch frame */
  watch(question) {
    this.send(question);
  }

  unwatch(id) {
    this.send({ type: "unwatch", id });
  }

  acknowledge(id, last_id) {
    this.send({ type: "ack", id, last_id });
  }

  send(frame) {
    if (this.isOpen) this.socket.send(JSON.stringify(frame));
  }

  close() {
    this.socket.close();
  }
}

/** One request for all watches: a browser has few connections to a site. It is made anew when another watch begins or ends. */
export class EventsWay {
  isFallback = true;
  hasOpened = false;

  /** @param {() => object[]} questions  a watch frame for each watch, from where it is now @param {Listener} listener */
  constructor(questions, listener) {
    this.questions = questions;
    this.listener = listener;
    this.over = false;
    this.renew();
  }

  watch() {
    this.renew();
  }

  unwatch() {
    this.renew();
  }

  acknowledge() {
    // What has left the server counts as arrived.
  }

  /** Once for all that changes at a time. */
  renew() {
    this.later ||= setTimeout(() => {
      this.later = 0;
      if (!this.over) this.connect();
    });
  }

  connect() {
    this.source?.close();
    const questions = this.questions();
    if (!questions.length) return;
    const query = new URLSearchParams(questions.map((question) => ["watch", JSON.stringify(question)]));
    this.source = new EventSource(`${document.body.dataset.events}?${query}`);
    this.source.addEventListener("open", () => this.begun());
    this.source.addEventListener("message", ({ data }) => this.take(JSON.parse(data), data.length));
    this.source.addEventListener("ping", () => this.heard());
    this.source.addEventListener("error", ({ target }) => this.end(target.readyState === EventSource.CLOSED ? REFUSED : LOST));
    this.heard();
  }

  begun() {
    this.hasOpened = true;
    this.heard();
    this.listener.opened();
  }

  /** @param {object} frame  the last one says with which code the server ends it */
  take(frame, length) {
    this.heard();
    if (frame.type === "close") this.end(frame.code);
    else this.listener.frame(frame, length);
  }

  heard() {
    clearTimeout(this.silent);
    this.silent = setTimeout(() => this.end(LOST), SILENT_MS);
  }

  close() {
    this.end(ENDED);
  }

  end(code) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.later);
    clearTimeout(this.silent);
    this.source?.close();
    this.listener.closed(code);
  }
}
