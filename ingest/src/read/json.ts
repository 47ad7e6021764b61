import { inputError } from "../errors.ts";
import { refuseTooManyColumns } from "./column-names.ts";
import { isText, wholeCharacterBytes } from "./encoding.ts";
import { LineSplitter } from "./json-lines.ts";
import { JsonObject } from "./json-object.ts";
import { RowBuffer, rejectionOf, type Shape, Shapes } from "./json-rows.ts";
import { ArraySplitter, type Element } from "./json-splitter.ts";
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
import { readText, type TextReader } from "./text.ts";
import { TextWindow } from "./text-window.ts";

/**
 * A JSON array of objects. Columns are the keys of all elements, named for each element by `bronzeColumnNames`:
 * `Title` here and `title` there are one column, both in one element are `title` and `title_2`, so no value is lost.
 * A value is its spelling in the file, a string decoded, null as null; nested ones stay JSON text. `[]` has no
 * columns and no rows. Elements that are no objects are rejects; a file of nothing else is of another format, and
 * refused.
 */
export const json: Format = {
  columns: (file, options) => columns(file, { ...options, isLines: false }),
  records: (file, names, sink, options) => records(file, names, sink, { ...options, isLines: false }),
};

/** One JSON object per line, else as `json`. */
export const ndjson: Format = {
  columns: (file, options) => columns(file, { ...options, isLines: true }),
  records: (file, names, sink, options) => records(file, names, sink, { ...options, isLines: true }),
};

type JsonOptions = ReadOptions & { isLines: boolean };

async function columns(file: SourceFile, options: JsonOptions): Promise<string[]> {
  const names = new Set<string>();
  const seen = new WeakSet<Shape>();
  let firstElement: { text: string; lineNumber: number } | undefined;
  let objects = 0;
  const reader = new ElementReader();
  for await (const { bytes, elements, isAllText } of elementChunks(file, readText(file, options), options)) {
    for (const element of elements) {
      firstElement ??= { text: beginning(bytes, element), lineNumber: element.lineNumber };
      const result = reader.read(bytes, element, isAllText);
      if (result !== "not_an_object") objects++;
      if (typeof result === "string" || seen.has(result)) continue;
      seen.add(result);
      for (const name of result.names ?? []) names.add(name);
    }
    refuseTooManyColumns(file.hostPath, names.size);
  }
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
  const reader = new ElementReader();
  const rows = new RowsOfShape(file, columns, sink);
  sink.begin(plainDialect);
  for await (const { bytes, elements, isAllText } of elementChunks(file, text, options)) {
    for (const element of elements) {
      const result = reader.read(bytes, element, isAllText);
      if (typeof result !== "string") rows.take(bytes, reader.object, result);
      else {
        rows.flush();
        sink.reject(text.reject(element.lineNumber, result, bytes.subarray(element.start, element.end)));
      }
    }
    rows.flush();
    await sink.drained();
  }
}

/** Reads elements as objects; the object of the last one stands in `object`. */
class ElementReader {
  readonly object = new JsonObject();
  readonly #shapes = new Shapes();

  read(bytes: Buffer, { start, end, isCut }: Element, isAllText: boolean): Shape | RejectReason {
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

async function* elementChunks(file: SourceFile, text: TextReader, options: JsonOptions) {
  const window = new TextWindow();
  const maximumLength = options.maximumRecordLength ?? defaultMaximumRecordLength;
  const splitter = options.isLines
    ? new LineSplitter(window, maximumLength)
    : new ArraySplitter(file, window, maximumLength);
  const chunk = (isLast: boolean) => {
    const known = window.bytes.subarray(window.at, window.filled);
    const isAllText = isText(isLast ? known : known.subarray(0, wholeCharacterBytes(known)));
    return { elements: splitter.split(isLast), bytes: window.bytes, isAllText };
  };
  for await (const bytes of text.chunks) {
    window.append(bytes);
    yield chunk(false);
  }
  yield chunk(true);
}
