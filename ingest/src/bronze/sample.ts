/** The first rows of a file, as bronze would have them: to compare and to propose, never to load. */
import type { Format, ReadOptions, SourceFile } from "../read/record.ts";
import type { Engine } from "./engine.ts";
import { selectRows } from "./parquet.ts";
import { Parts } from "./parts.ts";

const samplePartBytes = 262_144;

interface SampledFile {
  file: SourceFile;
  format: Format;
  /** As `format.columns` answered them. */
  columns: readonly string[];
  options: ReadOptions;
}

/** At most `rowLimit` rows from the begin of the file, values in the order of its columns. Reads no more than it needs. */
export async function sampleRows(
  { file, format, columns, options }: SampledFile,
  { engine, folder, rowLimit }: { engine: Engine; folder: string; rowLimit: number },
): Promise<(string | null)[][]> {
  const enough = new Error("enough rows");
  let rows: (string | null)[][] = [];
  const mark = "sample".padEnd(64, "-");
  const parts = new Parts({
    folder,
    batchId: mark,
    mark,
    columnCount: columns.length,
    partBytes: samplePartBytes,
    parallel: 1,
    onRows: () => undefined,
    onPart: async ({ records, recordsBefore, number }) => {
      if (number > 0) return;
      rows = await engine.rows(selectRows({ records, columns, recordsBefore, mark }, rowLimit));
      throw enough;
    },
  });
  try {
    await format.records(file, columns, parts, options);
    await parts.finish();
  } catch (error) {
    if (error !== enough) throw error;
  } finally {
    await parts.remove();
  }
  return rows;
}

/** The values of each column that are there, by its name. */
export function valuesByColumn(
  columns: readonly string[],
  rows: readonly (string | null)[][],
): Map<string, string[]> {
  const present = (index: number) => rows.flatMap((row) => row[index] ?? []).filter((value) => value !== "");
  return new Map(columns.map((name, index) => [name, present(index)]));
}
