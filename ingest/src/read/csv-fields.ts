import type { Signs } from "./csv-scan.ts";

/** The values of one good record, given without its line break. For the few records that are looked at closely. */
export function fieldsOf(record: Buffer, { delimiter, quote, quoteEscape }: Signs): string[] {
  const values: string[] = [];
  for (let position = 0; position <= record.length; position++) {
    const isQuoted = position < record.length && record[position] === quote;
    const end = isQuoted
      ? closingQuote(record, position + 1, quote, quoteEscape)
      : record.indexOf(delimiter, position);
    const fieldEnd = end < 0 ? record.length : end;
    if (isQuoted) values.push(unquoted(record.toString("utf8", position + 1, fieldEnd), quote, quoteEscape));
    else values.push(record.toString("utf8", position, fieldEnd));
    position = isQuoted ? fieldEnd + 1 : fieldEnd;
  }
  return values;
}

function closingQuote(record: Buffer, start: number, quote: number, quoteEscape: number): number {
  for (let position = start; position < record.length; position++) {
    const next = record[position + 1];
    if (record[position] === quoteEscape && (next === quote || next === quoteEscape)) position++;
    else if (record[position] === quote) return position;
  }
  return -1;
}

/** An escape before a sign that needs none stays as it is. */
function unquoted(inner: string, quote: number, quoteEscape: number): string {
  const escapeSign = String.fromCharCode(quoteEscape);
  if (!inner.includes(escapeSign)) return inner;
  const hex = (code: number) => `\\x${code.toString(16).padStart(2, "0")}`;
  return inner.replaceAll(new RegExp(`${hex(quoteEscape)}([${hex(quote)}${hex(quoteEscape)}])`, "g"), "$1");
}
