import {
  backslash,
  closeBrace,
  closeBracket,
  comma,
  isBlank,
  openBrace,
  openBracket,
  quote,
} from "./json-signs.ts";
import type { RejectReason } from "./record.ts";

/** The members of one object in the file's order. */
export interface Members {
  readonly keys: string[];
  readonly values: (string | null)[];
}

/**
 * Reads one element of the array: a member's value is its spelling in the file, a string decoded, null as
 * null; a nested object or array stays JSON text. Answers a reason if the element is no row.
 */
export function readElement(text: string): Members | RejectReason {
  let value: unknown;
  try {
    value = JSON.parse(text); // only to check: it rounds numbers and drops the first of two equal keys
  } catch {
    return "invalid_json";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not_an_object";
  const members = membersOf(text);
  if (Object.keys(value).length < members.keys.length) return "duplicate_key";
  if (text.includes("\\u") && !isWellFormed(members)) return "invalid_unicode";
  return members;
}

/** False if a key or a decoded string has half of a surrogate pair, which UTF-8 cannot spell. */
function isWellFormed({ keys, values }: Members): boolean {
  return keys.every((key) => key.isWellFormed()) && values.every((value) => value?.isWellFormed() ?? true);
}

/** The members of `text`, which must be a valid JSON object. */
function membersOf(text: string): Members {
  const keys: string[] = [];
  const values: (string | null)[] = [];
  let position = skipBlanks(text, text.indexOf("{") + 1);
  while (text.charCodeAt(position) !== closeBrace) {
    const keyEnd = stringEnd(text, position);
    keys.push(decoded(text.slice(position, keyEnd)));
    const start = skipBlanks(text, text.indexOf(":", keyEnd) + 1);
    const end = valueEnd(text, start);
    values.push(spelling(text.slice(start, end)));
    position = skipBlanks(text, end);
    if (text.charCodeAt(position) === comma) position = skipBlanks(text, position + 1);
  }
  return { keys, values };
}

function spelling(raw: string): string | null {
  if (raw === "null") return null;
  return raw.charCodeAt(0) === quote ? decoded(raw) : raw;
}

function decoded(raw: string): string {
  return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

function skipBlanks(text: string, start: number): number {
  let position = start;
  while (isBlank(text.charCodeAt(position))) position++;
  return position;
}

function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return stringEnd(text, start);
  return first === openBrace || first === openBracket ? nestedEnd(text, start) : scalarEnd(text, start);
}

/** The position behind the string whose opening quote is at `start`. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, position: number): boolean {
  let before = position;
  while (text.charCodeAt(before - 1) === backslash) before--;
  return (position - before) % 2 === 1;
}

function nestedEnd(text: string, start: number): number {
  let depth = 0;
  let position = start;
  do {
    const code = text.charCodeAt(position);
    if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) depth--;
    position = code === quote ? stringEnd(text, position) : position + 1;
  } while (depth > 0);
  return position;
}

function scalarEnd(text: string, start: number): number {
  for (let position = start; ; position++) {
    const code = text.charCodeAt(position);
    if (code === comma || code === closeBrace || isBlank(code)) return position;
  }
}
