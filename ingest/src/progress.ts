/** How far a load is: a bar with rows, bytes, rate and time left. */
import type { Report } from "./report.ts";

export interface ProgressState {
  source: string;
  /** Of all files, those that are done. */
  files: { done: number; all: number };
  bytes: { done: number; all: number };
  /** Of the files that were read; those known from before are not. */
  rows: number;
  seconds: number;
}

/** A terminal shows no more, and the numbers stay readable. */
const leastIntervalMs = 100;

/** Counts what a job does with its files, and tells it, not more often than somebody can look. */
export class Progress {
  readonly #report: Report;
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #files = { done: 0, all: 0 };
  readonly #bytes = { done: 0, all: 0 };
  #rows = 0;
  #file = { source: "", byteCount: 0, bytesRead: 0, rows: 0 };
  /** Of the present file: which of its readings goes on, from 1, and how many there are. */
  #reading = { number: 1, all: 1 };
  #toldMs = Number.NEGATIVE_INFINITY;

  /** `now`: milliseconds that never go back. */
  constructor(report: Report, now = () => performance.now()) {
    this.#report = report;
    this.#now = now;
    this.#startedMs = now();
  }

  /** What there is to do, once that is known: the size of each file. */
  plan(byteCounts: readonly number[]): void {
    this.#files.all += byteCounts.length;
    for (const byteCount of byteCounts) this.#bytes.all += byteCount;
  }

  /** What is done with a file before it is read, such as hashing: the answer is to be told how far that is. */
  stage(source: string, what: string, byteCount: number): (bytes: number) => void {
    const startedMs = this.#now();
    return (bytes) => {
      const state = {
        ...{ source, what, bytes: { done: bytes, all: byteCount } },
        seconds: (this.#now() - startedMs) / 1000,
      };
      if (this.#mayTell()) this.#report.progress(stageLine(state), state);
    };
  }

  begin(source: string, byteCount: number): void {
    this.#file = { source, byteCount, bytesRead: 0, rows: 0 };
    this.#reading = { number: 1, all: 1 };
    this.#tell();
  }

  /** The present file is read `all` times, each counts an equal share of its bytes; what follows is of this one. */
  reading(number: number, all: number): void {
    this.#reading = { number, all };
    this.#file.bytesRead = 0;
  }

  /** How far the present file is read: rows, or bytes as they lie on the disk. */
  read({ rows = this.#file.rows, bytes = this.#file.bytesRead }: { rows?: number; bytes?: number }): void {
    this.#file.rows = rows;
    this.#file.bytesRead = Math.min(bytes, this.#file.byteCount);
    this.#tell();
  }

  /** The present file is done: loaded, known or refused. */
  end(): void {
    this.#files.done++;
    this.#bytes.done += this.#file.byteCount;
    this.#rows += this.#file.rows;
    this.#file = { ...this.#file, byteCount: 0, bytesRead: 0, rows: 0 };
    this.#tell();
  }

  #bytesOfFile(): number {
    const { byteCount, bytesRead } = this.#file;
    const { number, all } = this.#reading;
    return Math.round(((number - 1) * byteCount + bytesRead) / all);
  }

  #mayTell(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#toldMs < leastIntervalMs) return false;
    this.#toldMs = nowMs;
    return true;
  }

  #tell(): void {
    if (!this.#mayTell()) return;
    const state: ProgressState = {
      source: this.#file.source,
      files: { ...this.#files },
      bytes: { done: this.#bytes.done + this.#bytesOfFile(), all: this.#bytes.all },
      rows: this.#rows + this.#file.rows,
      seconds: (this.#now() - this.#startedMs) / 1000,
    };
    this.#report.progress(progressLine(state), { ...state });
  }
}

const barWidth = 10;
/** What every terminal shows on one line. */
const lineWidth = 79;
/** Before, a rate says more about the start than about the work. */
const leastSecondsForRate = 1;

/** One line of a terminal: the source's name gives way. */
export function progressLine({ source, files, bytes, rows, seconds }: ProgressState): string {
  const counts = [`${files.done}/${files.all} files`, `${short(rows)} rows`, byteText(bytes.done)];
  return fitted(source, [barOf(bytes), ...counts, ...rateOf(bytes, seconds)].join(", "));
}

type Bytes = ProgressState["bytes"];

function stageLine({ source, what, bytes, seconds }: StageState): string {
  const done = `${byteText(bytes.done)} of ${byteText(bytes.all)}`;
  return fitted(source, [`${what} ${barOf(bytes)}`, done, ...rateOf(bytes, seconds)].join(", "));
}

interface StageState {
  source: string;
  what: string;
  bytes: Bytes;
  seconds: number;
}

function barOf({ done, all }: Bytes): string {
  const share = all === 0 ? 1 : done / all;
  const filled = Math.floor(share * barWidth);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${Math.floor(share * 100)} %`;
}

/** And the time left. */
function rateOf({ done, all }: Bytes, seconds: number): string[] {
  if (seconds < leastSecondsForRate || done === 0) return [];
  const bytesPerSecond = done / seconds;
  return [`${byteText(bytesPerSecond)}/s`, `${duration((all - done) / bytesPerSecond)} left`];
}

function fitted(source: string, line: string): string {
  const room = Math.max(0, lineWidth - line.length - 1);
  const name = source.length > room ? `${source.slice(0, Math.max(0, room - 1))}…` : source;
  return `${name} ${line}`.slice(0, lineWidth);
}

/** Three digits and a unit's prefix: 987, 1.2 k, 34.5 M. */
function short(count: number): string {
  const units = ["", "k", "M", "G", "T"];
  let rest = count;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return unit === 0 ? `${Math.round(rest)}` : `${rest.toFixed(rest < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** With a unit: 12.3 MB. */
export const byteText = (bytes: number) => (bytes < 999.5 ? `${short(bytes)} B` : `${short(bytes)}B`);

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
