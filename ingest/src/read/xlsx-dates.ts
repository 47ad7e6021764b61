/** The dates, times and durations of a workbook as text. */
import type { NumberKind } from "./xlsx-formats.ts";

const dayMs = 86_400_000;
/** In days of a workbook that counts from 1900; one that counts from 1904 begins so much later. */
const unixEpoch = 25_569;
const laterEpoch = 1462;

/** Undefined for what is no day that Excel knows: the number is told then. */
export function serialText(days: number, kind: NumberKind, is1904: boolean): string | undefined {
  if (!(days >= 0)) return undefined;
  // a day that a time has, and its format hides, is not dropped
  return kind === "duration" || (kind === "time" && days < 1) ? clockText(days) : serialDate(days, is1904);
}

/** `01:45:00`, `36:05:00` */
function clockText(days: number): string {
  const seconds = Math.round((days * dayMs) / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function serialDate(days: number, is1904: boolean): string | undefined {
  const timeMs = (days + (is1904 ? laterEpoch : 0) - unixEpoch) * dayMs;
  // Excel's 1900 has a 29th of February, from which it counts on.
  const missingDay = timeMs < Date.UTC(1900, 1, 28) ? dayMs : 0;
  return dateText(timeMs + missingDay);
}

const isoPattern = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

export function isoDate(text: string): string | undefined {
  // what else looks like a date would be guessed, by the machine's time zone
  if (!isoPattern.test(text)) return undefined;
  const hasZone = /Z$|[+-]\d\d:?\d\d$/.test(text) || !text.includes("T");
  return dateText(Date.parse(hasZone ? text : `${text}Z`));
}

function dateText(timeMs: number): string | undefined {
  // a fraction of a day is never exact
  const seconds = Math.round(timeMs / 1000);
  if (!(Math.abs(seconds) < 253_402_300_800)) return undefined;
  const [date, time = ""] = new Date(seconds * 1000).toISOString().split(/[TZ.]/);
  return time === "00:00:00" ? `${date}` : `${date} ${time}`;
}
