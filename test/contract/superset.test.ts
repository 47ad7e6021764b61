/** The shipped dashboards hold together: what one file names, another one has. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { listFiles, readText } from "./repository.ts";

// biome-ignore lint/suspicious/noExplicitAny: Superset's own importer checks the shapes
type Asset = Record<string, any>;
const assets = (kind: string): [path: string, asset: Asset][] =>
  listFiles(`superset/assets/${kind}`).map((path) => [path, parse(readText(path))]);

const databases = assets("databases");
const datasets = assets("datasets");
const charts = assets("charts");
const dashboards = assets("dashboards");
const uuids = (found: [string, Asset][]) => found.map(([, { uuid }]) => uuid);

/** The columns of a model, or of a view, and the dataset's own. */
function columnsOf({ table_name: table, schema, columns }: Asset): string[] {
  const own = columns.map(({ column_name: name }: Asset) => name);
  if (schema !== "gold") return own;
  const [model] = parse(readText(`dbt_project/models/gold/${table}.yml`)).models;
  return [...own, ...model.columns.map(({ name }: Asset) => name)];
}

it("should give each object a uuid of its own", () => {
  const all = uuids([...databases, ...datasets, ...charts, ...dashboards]);
  expect(new Set(all).size).toBe(all.length);
});

it("should connect as bi, check the certificate, change nothing and hold no password", () => {
  const [[, database]] = databases as [[string, Asset]];
  expect(databases).toHaveLength(1);
  expect(database.sqlalchemy_uri).toBe("trino://bi@trino:8443/lakehouse");
  expect(database.extra.engine_params.connect_args).toMatchObject({
    http_scheme: "https",
    verify: "/run/secrets/superset/ca.crt",
  });
  expect(database).toMatchObject({
    allow_dml: false,
    allow_ctas: false,
    allow_cvas: false,
    allow_file_upload: false,
  });
  expect(database).not.toHaveProperty("password");
});

describe.each(datasets)("%s", (_, dataset) => {
  it("should be of a database that is there", () =>
    expect(uuids(databases)).toContain(dataset.database_uuid));

  it("should rename columns of the model, and describe its own", () => {
    const [model] =
      dataset.schema === "gold"
        ? parse(readText(`dbt_project/models/gold/${dataset.table_name}.yml`)).models
        : [{ columns: [] }];
    const modelled = model.columns.map(({ name }: Asset) => name);
    for (const { column_name: name, description } of dataset.columns)
      expect(modelled.includes(name), name).toBe(description === undefined);
  });

  it("should describe each metric", () => {
    for (const { metric_name: name, description } of dataset.metrics) expect(description, name).toBeTruthy();
  });
});

describe.each(charts)("%s", (_, { params, dataset_uuid, viz_type }) => {
  const [, dataset] = datasets.find(([, { uuid }]) => uuid === dataset_uuid) ?? ["", {}];

  it("should ask for columns and metrics that its dataset has", () => {
    const columns = [
      ...["x_axis", "entity"].map((name) => params[name]),
      ...(params.groupby ?? []),
      ...(params.all_columns ?? []),
      ...(params.adhoc_filters ?? []).map(({ subject }: Asset) => subject),
    ].filter(Boolean);
    const metrics = [
      ...["metric", "x", "y", "size", "timeseries_limit_metric"].map((name) => params[name]),
      ...(params.metrics ?? []),
    ].filter(Boolean);
    const known = dataset.metrics.map(({ metric_name: name }: Asset) => name);
    expect(columns.filter((name) => !columnsOf(dataset).includes(name))).toEqual([]);
    expect(metrics.filter((name) => !known.includes(name))).toEqual([]);
    expect(params.viz_type).toBe(viz_type);
  });
});

describe.each(dashboards)("%s", (_, { metadata, position }) => {
  it("should show charts and filter by columns that are there", () => {
    const shown = Object.values<Asset>(position).filter(({ type }) => type === "CHART");
    expect(uuids(charts)).toEqual(expect.arrayContaining(shown.map(({ meta }) => meta.uuid)));
    for (const { targets } of metadata.native_filter_configuration)
      for (const { column, datasetUuid } of targets) {
        const [, dataset] = datasets.find(([, { uuid }]) => uuid === datasetUuid) ?? ["", {}];
        expect(columnsOf(dataset)).toContain(column.name);
      }
  });
});

it("should show every chart on a dashboard", () => {
  const shown = dashboards.flatMap(([, { position }]) =>
    Object.values<Asset>(position).flatMap(({ meta }) => meta?.uuid ?? []),
  );
  expect(uuids(charts).sort()).toEqual(shown.sort());
});
