import { inputError } from "../errors.ts";
import { bronzeColumnNames, refuseTooManyColumns } from "./column-names.ts";
import { type Members, readElement } from "./json-element.ts";
import { type Element, JsonSplitter } from "./json-splitter.ts";
import { changedWhileRead } from "./open.ts";
import {
  defaultMaximumRecordLength,
  type Format,
  type ReadOptions,
  type RecordSink,
  type SourceFile,
} from "./record.ts";
import { readText } from "./text.ts";

/**
 * A JSON array of objects. Columns are the keys of all elements, named for each element by
 * `bronzeColumnNames`: `Title` here and `title` there are one column, both in one element are `title` and
 * `title_2`, so no value is lost. `[]` has no columns and no rows. Elements that are no objects are rejects; an
 * array of nothing else is a file of another format, and refused.
 */
export const json: Format = { columns, records };

async function columns(file: SourceFile, options: ReadOptions = {}): Promise<string[]> {
  const names = new Set<string>();
  const namesOf = rememberLast(bronzeColumnNames);
  let firstElement: Element | undefined;
  let objects = 0;
  for await (const elements of elementChunks(file, options)) {
    firstElement ??= elements[0];
    for (const { text, isCut } of elements) {
      const members = isCut ? "record_too_long" : readElement(text);
      if (members === "not_an_object") continue;
      objects++;
      if (typeof members === "object") for (const name of namesOf(members.keys)) names.add(name);
    }
    refuseTooManyColumns(file.hostPath, names.size);
  }
  if (firstElement !== undefined && objects === 0) throw withoutObjects(file, firstElement);
  return [...names];
}

const withoutObjects = (file: SourceFile, { text, lineNumber }: Element) =>
  inputError(`an array without any object, its first element is ${text.slice(0, 40)}`, {
    file: file.hostPath,
    line: lineNumber,
    expected: "objects, one per row",
    next: "ask the provider for an array of objects; without rows it is []",
  });

async function records(
  file: SourceFile,
  columns: readonly string[],
  sink: RecordSink,
  options: ReadOptions = {},
): Promise<void> {
  const positionsOf = rememberLast((keys) => columnPositions(file, columns, keys));
  for await (const elements of elementChunks(file, options)) {
    for (const { text, lineNumber, isCut } of elements) {
      const members = isCut ? "record_too_long" : readElement(text);
      if (typeof members === "string")
        sink.reject({ lineNumber, reason: members, raw: text, rawBytes: null });
      else sink.row(valuesOf(members, columns.length, positionsOf(members.keys)));
    }
    await sink.drained();
  }
}

function valuesOf(members: Members, count: number, positions: number[]): (string | null)[] {
  const values = new Array<string | null>(count).fill(null);
  for (const [index, position] of positions.entries()) values[position] = members.values[index] ?? null;
  return values;
}

async function* elementChunks(file: SourceFile, options: ReadOptions): AsyncGenerator<Element[]> {
  const splitter = new JsonSplitter(file, options.maximumRecordLength ?? defaultMaximumRecordLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for await (const chunk of readText(file, options).chunks) {
    const elements = splitter.push(decoder.decode(chunk, { stream: true }));
    if (elements.length > 0) yield elements;
  }
  splitter.finish();
}

function columnPositions(file: SourceFile, columns: readonly string[], keys: readonly string[]): number[] {
  return bronzeColumnNames(keys).map((name) => {
    const position = columns.indexOf(name);
    if (position >= 0) return position;
    throw changedWhileRead(file, `new key ${name}`);
  });
}

/** Most elements have the keys of the one before: answers those without computing again. */
function rememberLast<T>(compute: (keys: readonly string[]) => T): (keys: readonly string[]) => T {
  let last: { keys: readonly string[]; result: T } | undefined;
  return (keys) => {
    const isSame = last?.keys.length === keys.length && last.keys.every((key, index) => key === keys[index]);
    if (!isSame || last === undefined) last = { keys, result: compute(keys) };
    return last.result;
  };
}
