/** What `reelhouse source add` says: what it wrote, what it took for granted, and what comes next. */
import { counted, oneLine } from "./propose.ts";
import type { AddedSource } from "./source.ts";

export interface Told {
  source: string;
  written: string[];
  assumed: string[];
  next: string[];
}

export function tellSource(
  { name, inspection, columns, files }: AddedSource,
  config: string | undefined,
): Told {
  const configured = config === undefined ? "" : ` --config ${config}`;
  return {
    source: name,
    written: files.map(({ hostPath }) => hostPath),
    assumed: [
      ...assumptions(inspection),
      ...columns.map(
        ({ name, type, required, evidence }) =>
          `${name}: ${type}, ${required ? "required" : "optional"} (${evidence})`,
      ),
    ],
    next: [
      "read these files, and correct what the data cannot know",
      "docker compose up --detach --build --wait dbt",
      `./scripts/reelhouse run${configured}`,
      `./scripts/reelhouse sql --user dbt --catalog audit "SELECT * FROM staging.stg_${name} LIMIT 10"`,
    ],
  };
}

function assumptions({ format, options, rows, rejectCount, columns }: AddedSource["inspection"]): string[] {
  const { delimiter, encoding, quoteEscape } = options;
  const said = [
    `format ${format}`,
    ...(delimiter === undefined ? [] : [`delimiter ${delimiter === "\t" ? "tab" : delimiter}`]),
    ...(encoding === undefined ? [] : [`encoding ${encoding}`]),
    ...(quoteEscape === undefined ? [] : [`escape ${quoteEscape}`]),
  ];
  const hasHeader = format === "csv" || format === "tsv" || format === "xlsx";
  return [
    said.join(", "),
    `the first ${counted(rows.length)} rows are like the others`,
    ...(hasHeader ? [`the first line is the header: ${columns.slice(0, 5).map(oneLine).join(", ")}`] : []),
    ...(rejectCount > 0
      ? [`${counted(rejectCount)} records of the sample are no rows, and are the exception`]
      : []),
  ];
}

export function describeTold({ source, written, assumed, next }: Told, columnsCount: number): string {
  return [
    `added source ${source}: ${counted(columnsCount)} columns\n\nwrote\n`,
    ...written.map(listed),
    "\nassumed\n",
    ...assumed.map(listed),
    "\nnext\n",
    ...next.map((line, index) => listed(`${index + 1}. ${line}`)),
  ].join("");
}

const listed = (line: string) => `  ${line}\n`;
