import { carriageReturn, lineFeed } from "./line.ts";
import type { RejectReason } from "./record.ts";

const comma = 0x2c;
const quote = 0x22;

/** What may be looked at: `text` up to `end`; `isComplete`: the file ends there. */
export interface Window {
  readonly text: string;
  readonly end: number;
  readonly isComplete: boolean;
}

export type Scan =
  | { kind: "record"; values: string[]; end: number; hasQuotes: boolean }
  | { kind: "bad"; reason: RejectReason }
  | { kind: "unfinished"; inQuotes: boolean };

/**
 * Reads the CSV record (RFC 4180) that begins at `start`. A quote is special only as a field's first
 * character. Stops at the first thing that makes it no record, so that a bad record costs little.
 */
export function scanRecord(window: Window, start: number, maximumFields: number): Scan {
  const { text, end, isComplete } = window;
  const values: string[] = [];
  let hasQuotes = false;
  for (let position = start; ; position++) {
    const isQuoted = position < end && text.charCodeAt(position) === quote;
    const fieldEnd = isQuoted ? quotedEnd(window, position + 1) : plainEnd(window, position);
    if (fieldEnd < 0) return { kind: "unfinished", inQuotes: true };
    if (fieldEnd === end && !isComplete) return { kind: "unfinished", inQuotes: false };
    values.push(isQuoted ? unquoted(text.slice(position + 1, fieldEnd - 1)) : text.slice(position, fieldEnd));
    if (values.length > maximumFields) return bad("too_many_fields");
    hasQuotes ||= isQuoted;
    position = fieldEnd;
    if (position < end && text.charCodeAt(position) === comma) continue;
    const recordEnd = afterLineBreak(window, position);
    if (recordEnd === position && position < end) return bad("broken_quoting");
    if (recordEnd < 0) return { kind: "unfinished", inQuotes: false };
    return { kind: "record", values, end: recordEnd, hasQuotes };
  }
}

function bad(reason: RejectReason): Scan {
  return { kind: "bad", reason };
}

function unquoted(inner: string): string {
  return inner.includes('"') ? inner.replaceAll('""', '"') : inner;
}

/** Where a field without quotes ends: at a comma, a line break or the window's end. */
function plainEnd({ text, end }: Window, start: number): number {
  for (let position = start; position < end; position++) {
    const code = text.charCodeAt(position);
    if (code === comma || code === lineFeed || code === carriageReturn) return position;
  }
  return end;
}

/** The position behind the closing quote of a field whose inner text begins at `start`; -1: none here. */
function quotedEnd({ text, end }: Window, start: number): number {
  let position = start;
  for (;;) {
    const found = text.indexOf('"', position);
    if (found < 0 || found >= end) return -1;
    if (text.charCodeAt(found + 1) !== quote) return found + 1;
    position = found + 2;
  }
}

/**
 * The position behind a line break at `position`; itself if there is none; -1 if it cannot be known yet. It may
 * look one character behind the window: a line break is no part of the record.
 */
export function afterLineBreak({ text, end, isComplete }: Window, position: number): number {
  if (position >= end) return isComplete ? end : -1;
  const code = text.charCodeAt(position);
  if (code === lineFeed) return position + 1;
  if (code !== carriageReturn) return position;
  if (position + 1 === text.length) return isComplete ? end : -1;
  return text.charCodeAt(position + 1) === lineFeed ? position + 2 : position + 1;
}

/** The position of the first line break from `start` on, or the window's end. */
export function lineEnd({ text, end }: Window, start: number): number {
  for (let position = start; position < end; position++) {
    const code = text.charCodeAt(position);
    if (code === lineFeed || code === carriageReturn) return position;
  }
  return end;
}
