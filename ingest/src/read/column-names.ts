import { inputError } from "../errors.ts";

/** The columns that the ingester adds to every bronze table. */
export const lineageColumns = ["_source_file", "_row_number", "_batch_id", "_ingested_at"] as const;

/** More is no table but data in the place of names; it also bounds the memory of a reader. */
const maximumColumns = 1000;

/**
 * The names of a file's columns in bronze, in the same order: trimmed and lower case (Trino ignores case),
 * unique and never a lineage column. An empty name becomes `column_3` (its 1-based position), the second
 * `name` becomes `name_2`, `_row_number` becomes `source_row_number`. Applied to its own answer it changes
 * nothing.
 */
export function bronzeColumnNames(header: readonly string[]): string[] {
  const taken = new Set<string>(lineageColumns);
  return header.map((name, index) => {
    const unique = uniqueName(plainName(name, index + 1), taken);
    taken.add(unique);
    return unique;
  });
}

function plainName(name: string, position: number): string {
  const plain = name.trim().toLowerCase() || `column_${position}`;
  const clashes = lineageColumns.some((lineage) => lineage === plain);
  return clashes ? `source${plain}` : plain;
}

function uniqueName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let count = 2; taken.has(candidate); count++) candidate = `${name}_${count}`;
  return candidate;
}

/** The names of a file's columns in bronze once `rename` is applied. Refuses two columns of one name: one would be lost. */
export function renamedColumns(
  file: string,
  columns: readonly string[],
  rename: ReadonlyMap<string, string>,
): string[] {
  const columnOf = new Map<string, string>();
  for (const column of columns) {
    const name = rename.get(column) ?? column;
    const other = columnOf.get(name);
    if (other !== undefined) throw bothNamed(name, file, [other, column]);
    columnOf.set(name, column);
  }
  return [...columnOf.keys()];
}

const bothNamed = (name: string, file: string, columns: readonly [string, string]) =>
  inputError(`columns '${columns[0]}' and '${columns[1]}' would both be '${name}'`, {
    file,
    expected: "one of them",
    next: `have one of them left out of the file, or change the source's rename to '${name}' in pipeline.yaml`,
  });

/** Refuses a file with so many columns that its names must be data. */
export function refuseTooManyColumns(file: string, count: number, line?: number): void {
  if (count <= maximumColumns) return;
  throw inputError(`more than ${maximumColumns} columns`, {
    file,
    line,
    expected: "one column per property of a film",
    next: "check that names and values are not exchanged",
  });
}
