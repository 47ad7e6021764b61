/** The dbt files of a new source: its table in bronze, a model that cleans and casts it, and tests of what was seen. */
import { Document, visit } from "yaml";
import { identifier, literal } from "../sql.ts";
import type { NewSource } from "./contract-file.ts";
import { counted, oneLine, type ProposedColumn } from "./propose.ts";

/** Beyond some 250 elements Trino makes no array in one go. */
const arrayElements = 200;

/** `dbt_project/models/staging/stg_<name>.sql` */
export function stagingSql({ name, columns }: NewSource): string {
  const names = columns.map((column) => identifier(column.name));
  const renamed = columns.map(
    (column) => `${jinjaText(identifier(column.bronzeName))}: ${jinjaText(identifier(column.name))},`,
  );
  const trimmed = names.map((column) => `{{ blank_to_null(${jinjaText(column)}) }} as ${column},`);
  // It would move what follows a line break within a name.
  const indent = columns.some(({ bronzeName }) => bronzeName.includes("\n")) ? "" : " | indent";
  return `with source as (

    {{ committed_rows(
        source_name='${name}',
        columns={
            ${renamed.join("\n            ")}
        },
    )${indent} }}

),

trimmed as (

    select
        ${trimmed.join("\n        ")}
        ${lineage}
    from source

),

cleaned as (

    select
        ${columns.map((column) => `${castOf(column)},`).join("\n        ")}
        -- The columns whose text is no value of their type: null here, and as it arrived in bronze.
        ${failedCasts(columns)} as failed_casts,
        ${lineage}
    from trimmed

)

select * from cleaned
`;
}

const lineage = ["load_order", "_source_file", "_row_number", "_batch_id"].join(",\n        ");

const castOf = (column: ProposedColumn) =>
  column.type === "varchar" ? identifier(column.name) : `${castValue(column)} as ${identifier(column.name)}`;

function castValue({ name, type, hasTimestampSigns }: ProposedColumn): string {
  const column = identifier(name);
  if (type !== "timestamp") return `try_cast(${column} as ${type})`;
  // Trino takes a blank between day and time, and no zone: what is taken away here says UTC.
  const plain = `replace(regexp_replace(${column}, '(Z|[+]00(:?00)?)\\z'), 'T', ' ')`;
  return `try_cast(${hasTimestampSigns ? plain : column} as timestamp(6))`;
}

function failedCasts(columns: readonly ProposedColumn[]): string {
  const checks = columns
    .filter(({ type }) => type !== "varchar")
    .map(
      (column) =>
        `if(${identifier(column.name)} is not null and ${castValue(column)} is null, ${literal(column.name)})`,
    );
  if (checks.length === 0) return "cast(array[] as array(varchar))";
  const arrays = Array.from({ length: Math.ceil(checks.length / arrayElements) }, (_, index) => {
    const part = checks.slice(index * arrayElements, (index + 1) * arrayElements);
    const list = part.map((check) => `\n                ${check}`).join(",");
    return `cast(array[${list}\n            ] as array(varchar))`;
  });
  return `filter(
            ${arrays.join(" || ")},
            name -> name is not null
        )`;
}

/** `dbt_project/models/staging/src_<name>.yml` */
export function sourceYml({ name, fileName }: NewSource): string {
  const description = `One row per record of the files of ${name}, as they arrived, such as ${oneLine(fileName)}.`;
  const tables = [{ name, description }];
  return yml({ sources: [{ name: "bronze", schema: "bronze", tables }] });
}

/** `dbt_project/models/staging/stg_<name>.yml` */
export function stagingYml({ name, fileName, rowCount, columns }: NewSource): string {
  const description =
    `One row per row of bronze.${name} that counts, each value without outer blanks and cast to its type. ` +
    `Types and ranges were proposed from ${counted(rowCount)} rows of ${oneLine(fileName)}: correct them here. ` +
    "A range that only the data proposed warns; without `severity: warn` it stops the publication.";
  const model = {
    name: `stg_${name}`,
    description,
    data_tests: [{ survives_its_casts: { config: { severity: "warn" } } }],
    columns: [...columns.map(describedColumn), ...lineageColumns],
  };
  return yml({ models: [model] });
}

function describedColumn(column: ProposedColumn): object {
  const { name, bronzeName, type, evidence } = column;
  const renamed = name === bronzeName ? "" : `Column ${oneLine(bronzeName)} of the file. `;
  const tests = testsOf(column);
  return {
    name,
    data_type: type === "timestamp" ? "timestamp(6)" : type,
    description: `${renamed}In the sample, ${evidence}.`,
    quote: true,
    ...(tests.length > 0 ? { data_tests: tests } : {}),
  };
}

const proposed = { severity: "warn" } as const;

function testsOf({ required, range, type }: ProposedColumn): object[] {
  const typed = (bound: string) => `${type} ${literal(bound)}`;
  return [
    ...(required ? [{ not_null: { config: proposed } }] : []),
    ...(range
      ? [
          {
            is_in_range: {
              arguments: { least: typed(range.least), greatest: typed(range.greatest) },
              config: proposed,
            },
          },
        ]
      : []),
  ];
}

const lineageColumns = [
  {
    name: "failed_casts",
    description: "Names of the columns whose text is no value of their type, null here.",
  },
  {
    name: "load_order",
    description: "Grows with each committed file, over all sources; the newest is greatest.",
  },
  { name: "_source_file", description: '{{ doc("source_file") }}' },
  { name: "_row_number", description: '{{ doc("row_number") }}' },
  { name: "_batch_id", description: '{{ doc("batch_id") }}' },
];

/** A string of jinja. */
function jinjaText(text: string): string {
  const escaped = text.replaceAll(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `'${escaped}'`;
}

/** As the project's other yml files are written: four spaces, tests in one line. */
function yml(content: object): string {
  // dbt reads YAML 1.1, in which a bare `no` is a truth value.
  const document = new Document(content, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  visit(document, {
    Pair: (_, { key, value }) => {
      const isTest = String(key) === "data_tests";
      for (const item of isTest ? ((value as { items?: { flow?: boolean }[] }).items ?? []) : [])
        item.flow = true;
    },
  });
  return document.toString({ indent: 4, lineWidth: 0, flowCollectionPadding: false });
}
