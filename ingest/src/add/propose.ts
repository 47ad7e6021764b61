/** What a sample says about each column: is it always there, of what type, between which values, and why. */
import { lineageColumns } from "../read/column-names.ts";
import { nearType, rangeOf, type TypeName, timestampSigns, typeOf } from "./types.ts";

export interface ProposedColumn {
  /** As bronze spells it. */
  readonly bronzeName: string;
  /** In the staging model: letters, digits and `_`. */
  readonly name: string;
  /** No row of the sample lacks it. */
  readonly required: boolean;
  readonly type: TypeName;
  /** Of numbers, dates and timestamps: as Trino takes them. */
  readonly range: { readonly least: string; readonly greatest: string } | undefined;
  /** Timestamps with a letter T or a zone, which `try_cast` does not take. */
  readonly hasTimestampSigns: boolean;
  /** One line for people: how many rows, between what, such as what. */
  readonly evidence: string;
}

/** Columns of a staging model that no source may bring. */
const ownNames = [...lineageColumns, "load_order", "failed_casts"];
const shownExamples = 3;
const shownLength = 40;

/** `rows`: values in the order of `columns`. */
export function proposeColumns(
  columns: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): ProposedColumn[] {
  const names = stagingNames(columns);
  return columns.map((bronzeName, index) => {
    const values = rows.flatMap((row) => presentValue(row[index]));
    const type = typeOf(values);
    const range = rangeOf(type, values);
    return {
      bronzeName,
      name: names[index] ?? bronzeName,
      required: rows.length > 0 && values.length === rows.length,
      type,
      range,
      hasTimestampSigns: type === "timestamp" && values.some(hasSigns),
      evidence: evidenceOf(values, rows.length, type, range),
    };
  });
}

/** None or one. */
function presentValue(value: string | null | undefined): string[] {
  const text = withoutBlanks(value ?? "");
  return text === "" ? [] : [text];
}

const hasSigns = (value: string) => value.includes(timestampSigns.dayEnd) || timestampSigns.zone.test(value);

/** As the macro `blank_to_null` does, so that a value is judged as the model will cast it. */
function withoutBlanks(value: string): string {
  const blanks = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
  return value.replaceAll(blanks, " ").replace(/^ | $/g, "");
}

function evidenceOf(
  values: readonly string[],
  rowCount: number,
  type: TypeName,
  range: ProposedColumn["range"],
): string {
  const parts = [`${counted(values.length)} of ${counted(rowCount)} rows have a value`];
  if (range) parts.push(`least ${range.least}, greatest ${range.greatest}`);
  const examples = [...new Set(values)].slice(0, shownExamples).map(oneLine);
  if (examples.length > 0) parts.push(`such as ${examples.join(", ")}`);
  const near = type === "varchar" ? nearType(values) : undefined;
  if (near) {
    const others = [...new Set(near.others)].slice(0, shownExamples).map(oneLine);
    parts.push(
      `text, not ${near.type}, because of ${counted(near.others.length)} such as ${others.join(", ")}`,
    );
  }
  return parts.join("; ");
}

/** 1,234 */
export const counted = (count: number) => count.toLocaleString("en-US");

/** Text that any comment and any description can hold: one line, printable, no marks of a template. */
export function oneLine(text: string): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .replaceAll(/\{(?=[{%#])/g, "{ ")
    .replaceAll(/(?<=[}%#])\}/g, " }");
  const signs = [...plain];
  return signs.length <= shownLength ? plain : `${signs.slice(0, shownLength).join("")}...`;
}

/**
 * Names that need nothing but quotes in SQL. One that is plain already stays as it is; of another, each run of other
 * signs becomes `_`. Unique, and never one of the model's own.
 */
export function stagingNames(columns: readonly string[]): string[] {
  const isPlain = (name: string) => /^[\p{L}\p{N}\p{M}_]+$/u.test(name) && !ownNames.includes(name);
  const taken = new Set([...ownNames, ...columns.filter(isPlain)]);
  return columns.map((column, index) => {
    if (isPlain(column)) return column;
    const letters = column.replaceAll(/[^\p{L}\p{N}\p{M}_]+/gu, "_").replaceAll(/^_+|_+$/g, "");
    const wanted = ownNames.includes(letters) ? `source_${letters}` : letters || `column_${index + 1}`;
    let name = wanted;
    for (let count = 2; taken.has(name); count++) name = `${wanted}_${count}`;
    taken.add(name);
    return name;
  });
}
