import { inputError } from "../errors.ts";
import { refuseTooManyColumns } from "./column-names.ts";
import { isText, wholeCharacterBytes } from "./encoding.ts";
import type { Element, Splitter } from "./json-element.ts";
import { LineSplitter } from "./json-lines.ts";
import { JsonObject } from "./json-object.ts";
import { RowBuffer, rejectionOf, type Shape, Shapes } from "./json-rows.ts";
import { ArraySplitter } from "./json-splitter.ts";
import { carriageReturn } from "./line.ts";
import { changedWhileRead } from "./open.ts";
import {
  defaultMaximumRecordLength,
  type Format,
  plainDialect,
  type ReadOptions,
  type RecordSink,
  type RejectReason,
  type SourceFile,
} from "./record.ts";
import { readText } from "./text.ts";
import { TextWindow } from "./text-window.ts";

/**
 * A JSON array of objects. Columns are the keys of all elements, named for each element by `bronzeColumnNames`:
 * `Title` here and `title` there are one column, both in one element are `title` and `title_2`, so no value is lost.
 * A value is its spelling in the file, a string decoded, null as null; nested ones stay JSON text. `[]` has no
 * columns and no rows. Elements that are no objects are rejects; a file of nothing else is of another format, and
 * refused.
 */
export const json: Format = {
  isReadTwice: true,
  columns: (file, options) => columns(file, { ...options, isLines: false }),
  records: (file, names, sink, options) => records(file, names, sink, { ...options, isLines: false }),
};

/** One JSON object per line, else as `json`. */
export const ndjson: Format = {
  isReadTwice: true,
  columns: (file, options) => columns(file, { ...options, isLines: true }),
  records: (file, names, sink, options) => records(file, names, sink, { ...options, isLines: true }),
};

type JsonOptions = ReadOptions & { isLines: boolean };

async function columns(file: SourceFile, options: JsonOptions): Promise<string[]> {
  const names = new Set<string>();
  const seen = new WeakSet<Shape>();
  let firstElement: { text: string; lineNumber: number } | undefined;
  let objects = 0;
  const take: Take = (result, element, bytes) => {
    firstElement ??= { text: beginning(bytes, element), lineNumber: element.lineNumber };
    if (result !== "not_an_object") objects++;
    if (typeof result === "string" || seen.has(result)) return;
    seen.add(result);
    for (const name of result.names ?? []) names.add(name);
  };
  const elements = new Elements(file, options);
  for await (const chunk of readText(file, options).chunks) {
    elements.give(chunk, take);
    refuseTooManyColumns(file.hostPath, names.size);
  }
  elements.giveLast(take);
  refuseTooManyColumns(file.hostPath, names.size);
  if (firstElement !== undefined && objects === 0) throw withoutObjects(file, firstElement);
  return [...names];
}

const beginning = (bytes: Buffer, { start, end }: Element) =>
  bytes.toString("utf8", start, Math.min(end, start + 160)).slice(0, 40);

const withoutObjects = (file: SourceFile, { text, lineNumber }: { text: string; lineNumber: number }) =>
  inputError(`an array without any object, its first element is ${text}`, {
    file: file.hostPath,
    line: lineNumber,
    expected: "objects, one per row",
    next: "ask the provider for an array of objects; without rows it is []",
  });

async function records(
  file: SourceFile,
  columns: readonly string[],
  sink: RecordSink,
  options: JsonOptions,
): Promise<void> {
  const text = readText(file, options);
  const elements = new Elements(file, options);
  const rows = new RowsOfShape(file, columns, sink);
  const take: Take = (result, { start, end, lineNumber }, bytes) => {
    if (typeof result !== "string") {
      rows.take(bytes, elements.object, result);
      return;
    }
    rows.flush();
    sink.reject(text.reject(lineNumber, result, bytes.subarray(start, end)));
  };
  sink.begin(plainDialect);
  for await (const chunk of text.chunks) {
    elements.give(chunk, take);
    rows.flush();
    await sink.drained();
  }
  elements.giveLast(take);
  rows.flush();
  await sink.drained();
}

/** Hears of each element, in the file's order: its shape if it is a row, else why it is none. */
type Take = (result: Shape | RejectReason, element: Element, bytes: Buffer) => void;

/** Finds the elements of a text that comes in chunks, and reads them. */
class Elements {
  /** The members of the last one that was a row. */
  readonly object = new JsonObject();
  readonly #window = new TextWindow();
  readonly #shapes = new Shapes();
  readonly #splitter: Splitter;

  constructor(file: SourceFile, { isLines, maximumRecordLength = defaultMaximumRecordLength }: JsonOptions) {
    this.#splitter = isLines
      ? new LineSplitter(this.#window, maximumRecordLength)
      : new ArraySplitter(file, this.#window, maximumRecordLength);
  }

  give(chunk: Buffer, take: Take): void {
    this.#window.append(chunk);
    this.#give(take, false);
  }

  giveLast(take: Take): void {
    this.#give(take, true);
  }

  #give(take: Take, isLast: boolean): void {
    const { bytes, at, filled } = this.#window;
    const known = bytes.subarray(at, filled);
    const isAllText = isText(isLast ? known : known.subarray(0, wholeCharacterBytes(known)));
    if (isAllText && !known.includes(carriageReturn)) this.#givePlain(take, bytes);
    for (const element of this.#splitter.split(isLast))
      take(this.#read(bytes, element, isAllText), element, bytes);
  }

  /** The hot loop: as many elements as can be read without splitting first. */
  #givePlain(take: Take, bytes: Buffer): void {
    for (;;) {
      const element = this.#splitter.next(this.object);
      if (element === undefined) return;
      const shape = this.#shapes.of(bytes, this.object);
      take(rejectionOf(shape) ?? shape, element, bytes);
    }
  }

  #read(bytes: Buffer, { start, end, isCut }: Element, isAllText: boolean): Shape | RejectReason {
    if (isCut) return "record_too_long";
    if (!isAllText && !isText(bytes.subarray(start, end))) return "invalid_encoding";
    const verdict = this.object.read(bytes, start, end);
    if (verdict !== "good") return verdict;
    const shape = this.#shapes.of(bytes, this.object);
    return rejectionOf(shape) ?? shape;
  }
}

/** Gives rows to the sink, as many at once as it takes. */
class RowsOfShape {
  readonly #file: SourceFile;
  readonly #columns: readonly string[];
  readonly #sink: RecordSink;
  readonly #buffer = new RowBuffer();
  readonly #membersOf = new WeakMap<Shape, Int32Array>();
  #count = 0;

  constructor(file: SourceFile, columns: readonly string[], sink: RecordSink) {
    this.#file = file;
    this.#columns = columns;
    this.#sink = sink;
  }

  take(bytes: Buffer, object: JsonObject, shape: Shape): void {
    this.#buffer.append(bytes, object, this.#memberOf(shape));
    this.#count++;
    if (this.#buffer.length >= this.#sink.room) this.flush();
  }

  flush(): void {
    if (this.#count > 0) this.#sink.rows(this.#buffer.bytes, 0, this.#buffer.length, this.#count);
    this.#count = 0;
    this.#buffer.length = 0;
  }

  #memberOf(shape: Shape): Int32Array {
    const known = this.#membersOf.get(shape);
    if (known) return known;
    const memberOf = new Int32Array(this.#columns.length).fill(-1);
    for (const [index, name] of (shape.names ?? []).entries()) {
      const column = this.#columns.indexOf(name);
      if (column < 0) throw changedWhileRead(this.#file, `new key ${name}`);
      memberOf[column] = index;
    }
    this.#membersOf.set(shape, memberOf);
    return memberOf;
  }
}
