/** How many entries a second were shown and skipped lately: over ten seconds, or since the list is followed. */

const WITHIN_MS = 10_000;
const LEAST_MS = 1000;

export class Rate {
  constructor() {
    this.began = performance.now();
    /** @type {{at: number, shown: number, skipped: number}[]} */
    this.counts = [];
  }

  add(shown, skipped) {
    this.counts.push({ at: performance.now(), shown, skipped });
  }

  /** @returns {string} "3.1/s", or "50/s shown, 450/s skipped" */
  get text() {
    const now = performance.now();
    this.counts = this.counts.filter(({ at }) => now - at < WITHIN_MS);
    const seconds = Math.max(LEAST_MS, Math.min(WITHIN_MS, now - this.began)) / 1000;
    const [shown, skipped] = ["shown", "skipped"].map((name) => this.counts.reduce((sum, one) => sum + one[name], 0) / seconds);
    return skipped ? `${perSecond(shown)} shown, ${perSecond(skipped)} skipped` : perSecond(shown);
  }
}

const perSecond = (rate) => `${rate.toLocaleString("en-US", { maximumFractionDigits: rate < 10 ? 1 : 0 })}/s`;
