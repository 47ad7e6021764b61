/** Results as Apache Arrow IPC: a stream for programs that read while it is written, a file for those that jump. */
import {
  AsyncByteQueue,
  Data,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  Schema,
  Struct,
} from "apache-arrow";
import type { Cell } from "../trino.ts";
import { arrowData } from "./arrow-data.ts";
import { arrowField } from "./arrow-type.ts";
import { inParts, type Pages } from "./format.ts";
import { type TypedColumn, typedColumns } from "./value.ts";

export const arrowStream = (pages: Pages) => encode(new RecordBatchStreamWriter(), pages);
export const arrowFile = (pages: Pages) => encode(new RecordBatchFileWriter(), pages);

/** The library queues what it writes without a bound; here each part is taken before the next one is asked for. */
class Taken extends AsyncByteQueue {
  #chunks: Uint8Array[] = [];
  override write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }
  take(): Uint8Array {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return bytes;
  }
}

/** One record batch per part, which bounds memory. */
async function* encode(writer: RecordBatchWriter, pages: Pages): AsyncGenerator<Uint8Array> {
  const taken = new Taken();
  let columns: TypedColumn[] | undefined;
  let schema = new Schema();
  for await (const part of inParts(pages)) {
    if (!columns) {
      columns = typedColumns(part.columns);
      schema = new Schema(columns.map(({ name, type }) => arrowField(name, type)));
      writer.reset(taken, schema);
    }
    if (part.rows.length > 0) writer.write(recordBatch(schema, columns, part.rows));
    yield taken.take();
  }
  writer.close();
  yield taken.take();
}

function recordBatch(schema: Schema, columns: TypedColumn[], rows: Cell[][]): RecordBatch {
  const children = columns.map(({ type, read }, index) =>
    arrowData(
      type,
      rows.map((row) => read(row[index] ?? null)),
    ),
  );
  const data = new Data(new Struct(schema.fields), 0, rows.length, 0, undefined, children);
  // Where two columns have one name the library puts another schema in its place; its writer then drops the batch.
  return Object.assign(new RecordBatch(schema, data), { schema });
}
