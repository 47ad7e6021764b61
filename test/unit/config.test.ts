import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadPipeline, mountsOf } from "../../ingest/src/config.ts";

const env = { DATA: "/mnt/data", NAME: "critics", EMPTY: "" };
const load = (text: string) =>
  loadPipeline(text, { file: "pipeline.yaml", baseFolder: "/home/me/films", env });
const pathsOf = (text: string) => load(text).sources.flatMap(({ paths }) => paths.map(({ path }) => path));

/** The lines of the message that refuses `text`. */
function faultsOf(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    expect(error).toMatchObject({ exitCode: 2 });
    return (error as Error).message.split("\n");
  }
  return expect.fail("no fault was found");
}

describe("pipeline.yaml", () => {
  it.each(["pipeline.yaml", "pipeline.films.yaml"])("should be read as it is delivered: %s", (name) => {
    const text = readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
    const folder = name === "pipeline.yaml" ? "sample" : "films";
    const { sources, output } = load(text);
    // Behind these may be what a user has added.
    const delivered = sources.slice(0, 5);
    expect(delivered.map(({ name, usualFormat }) => `${name} ${usualFormat}`)).toEqual([
      "audience_pulse json",
      "critic_agg csv",
      "box_office_domestic csv",
      "box_office_financials csv",
      "box_office_international csv",
    ]);
    expect(sources.at(2)?.paths).toEqual([
      {
        kind: "local",
        path: `/home/me/films/data/${folder}/box_office_domestic.csv`,
        folder: `/home/me/films/data/${folder}`,
      },
    ]);
    expect(output).toEqual({});
  });

  it("should be read with its comments taken away", () => {
    const text = readFileSync(new URL("../../pipeline.yaml", import.meta.url), "utf8");
    const withAll = text.replace(/^# ((output|retention):| {2}\w+: )/gm, "$1");
    expect(load(withAll).retention).toEqual(load(text).retention);
    expect(load(withAll).output).toEqual({
      bronze: "/home/me/films/out/bronze",
      silver: "/home/me/films/out/silver",
      gold: "/home/me/films/out/gold",
    });
  });

  it("should take the format of the files, and write CSV where none is named", () => {
    const withOutput = (output: string) => load(`source: {critic_agg: a.csv}\noutput: ${output}`);
    const { output, exportFormat } = withOutput("{gold: out, format: parquet}");
    expect({ output, exportFormat }).toEqual({
      output: { gold: "/home/me/films/out" },
      exportFormat: "parquet",
    });
    expect(withOutput("{gold: out}").exportFormat).toBe("csv");
    expect(load("source: {critic_agg: a.csv}").exportFormat).toBe("csv");
  });

  it("should take an object, a list, a folder, a glob, an alias, and keep their order", () => {
    const text = [
      "source:",
      "  box_office: {international: &deliveries 'deliveries/', domestic: *deliveries}",
      "  audience_pulse:",
      "    path: [/x/b.csv, '../y/{a,b}/*.csv']",
      "    format: csv",
    ].join("\n");
    const { sources } = load(text);
    expect(sources).toMatchObject([
      {
        name: "box_office_international",
        usualFormat: "csv",
        options: {},
        paths: [{ path: "/home/me/films/deliveries", folder: "/home/me/films/deliveries" }],
      },
      {
        name: "box_office_domestic",
        usualFormat: "csv",
        options: {},
        paths: [{ path: "/home/me/films/deliveries", folder: "/home/me/films/deliveries" }],
      },
      {
        name: "audience_pulse",
        format: "csv",
        usualFormat: "json",
        options: {},
        paths: [
          { path: "/x/b.csv", folder: "/x" },
          { path: "/home/me/y/{a,b}/*.csv", folder: "/home/me/y" },
        ],
      },
    ]);
  });

  it("should refuse a path with a line break, which the wrapper would take for two", () => {
    expect(faultsOf('source: {critic_agg: "a\\nrw /./\\nb/x.csv"}')).toEqual([
      "pipeline.yaml:1: source.critic_agg: expected a path, a glob, a folder or an object with 'path' without control characters, found \"a\\nrw /./\\nb/x.csv\"",
    ]);
  });

  it("should refuse an output folder whose files a glob would take for deliveries", () => {
    const config = (output: string) => `source: {critic_agg: 'in/*/*.csv'}\noutput: {gold: ${output}}`;
    expect(faultsOf(config("in/today"))[0]).toContain("where critic_agg looks for files");
    expect(load(config("out/today")).output.gold).toBe("/home/me/films/out/today");
  });

  it("should be frozen all the way down", () => {
    const { sources, output } = load("source: {critic_agg: a.csv}\noutput: {gold: out}");
    for (const part of [sources, sources[0], sources[0]?.paths, sources[0]?.paths[0], output]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("should fill in environment variables, also inside a text", () => {
    expect(pathsOf(`source: {critic_agg: "\${DATA}/in/\${NAME}\${EMPTY}.csv"}`)).toEqual([
      "/mnt/data/in/critics.csv",
    ]);
    expect(pathsOf(`source: {critic_agg: "/in/$\${NAME}-$NAME-$.csv"}`)).toEqual([
      `/in/$\{NAME}-$NAME-$.csv`,
    ]);
  });

  it("should tell every fault at once, by line", () => {
    const text = [
      "sauce: {}",
      "source:",
      "  critic_agg: 12",
      "  audience_puls: a.json",
      "  audience_pulse:",
      `    path: [a.json, 7, '\${NOWHERE}/\${ALSO NOT}/b.json']`,
      "    formatt: json",
      "    format: xml",
      "  box_office:",
      "    domestik: a.csv",
      "    domestic:",
      "    financials: []",
      "    international: {format: csv}",
      "    international: {}",
      "output:",
      "  bronze: out/*",
      "  platinum: out/platinum",
      "  silver: ~",
    ].join("\n");
    const unlike = "A new source needs a name unlike it";
    const path = "expected a path, a glob, a folder or an object with 'path'";
    expect(faultsOf(text)).toEqual([
      "pipeline.yaml:1: sauce: expected source, stores, output, retention, found 'sauce', did you mean source?",
      `pipeline.yaml:3: source.critic_agg: ${path}, found 12`,
      `pipeline.yaml:4: source.audience_puls: no source has the name 'audience_puls', did you mean audience_pulse? ${unlike}`,
      "pipeline.yaml:6: source.audience_pulse.path: expected a path, a glob or a folder, found 7",
      "pipeline.yaml:6: source.audience_pulse.path: environment variable NOWHERE is not set",
      `pipeline.yaml:6: source.audience_pulse.path: expected \${NAME}, found '\${ALSO NOT}'`,
      "pipeline.yaml:7: source.audience_pulse.formatt: expected path, format, drift, max_rejected, rename, delimiter, quote, escape, header, columns, encoding, max_expansion, sheet, found 'formatt', did you mean format?",
      "pipeline.yaml:8: source.audience_pulse.format: expected csv, tsv, json, ndjson, parquet, xlsx, found 'xml'",
      `pipeline.yaml:10: source.box_office.domestik: no source has the name 'box_office.domestik', did you mean box_office.domestic? ${unlike}`,
      `pipeline.yaml:11: source.box_office.domestic: ${path}, found nothing`,
      `pipeline.yaml:12: source.box_office.financials: ${path}, found an empty list`,
      "pipeline.yaml:13: source.box_office.international: expected the key 'path'",
      "pipeline.yaml:14: source.box_office.international: duplicate key",
      "pipeline.yaml:16: output.bronze: expected a folder, found the glob 'out/*'",
      "pipeline.yaml:17: output.platinum: expected bronze, silver, gold, format, found 'platinum'",
      "pipeline.yaml:18: output.silver: expected a folder, found nothing",
    ]);
  });

  it("should take a source that nobody knows, alone or in a group, and what its deliveries have to keep", () => {
    const { sources } = load(
      [
        "source:",
        "  streaming_views: views.csv",
        "  ratings:",
        "    weekly: {path: w/, drift: freeze, max_rejected: 2.5 %, rename: {Film: title, Yr: year}}",
      ].join("\n"),
    );
    expect(sources).toMatchObject([
      { name: "streaming_views", key: "streaming_views", drift: "evolve", maximumRejectedPercent: 10 },
      { name: "ratings_weekly", key: "ratings.weekly", drift: "freeze", maximumRejectedPercent: 2.5 },
    ]);
    expect(sources.map(({ contract }) => contract)).toEqual([undefined, undefined]);
    expect([...(sources[1]?.rename ?? [])]).toEqual([
      ["film", "title"],
      ["yr", "year"],
    ]);
  });

  it("should refuse names and promises that cannot be kept, by line", () => {
    const text = [
      "source:",
      "  Batches!: a.csv",
      "  batches: a.csv",
      "  views: {path: v.csv, drift: always, max_rejected: some, rename: {a: x, b: X}}",
      "  views_2: {path: v.csv, max_rejected: 101 %}",
      "  a.b: v.csv",
      "  a_b: v.csv",
      "  views_3: {path: v.csv, rename: {id: _Batch_ID}}",
    ].join("\n");
    const share = "expected a share of the rows such as 10 %";
    expect(faultsOf(text)).toEqual([
      "pipeline.yaml:2: source.Batches!: expected a name of lower case letters, digits and _, found 'Batches!'",
      "pipeline.yaml:2: source: two sources have the table a_b: a.b, a_b",
      "pipeline.yaml:3: source.batches: expected another name: bronze has a table 'batches' of its own",
      "pipeline.yaml:4: source.views.drift: expected evolve, report, freeze, found 'always'",
      `pipeline.yaml:4: source.views.max_rejected: ${share}, found 'some'`,
      "pipeline.yaml:4: source.views.rename.b: two columns would be 'x'",
      `pipeline.yaml:5: source.views_2.max_rejected: ${share}, found '101 %'`,
      "pipeline.yaml:8: source.views_3.rename.id: expected another name: bronze has a column '_batch_id' of its own",
    ]);
  });

  it("should take what is said about the form of files", () => {
    const text = [
      "source:",
      "  critic_agg:",
      "    path: in",
      "    delimiter: tab",
      '    quote: "\'"',
      "    escape: \\",
      "    header: false",
      "    columns: [title, year]",
      "    encoding: windows-1252",
      "    max_expansion: 500",
      "  box_office: {domestic: {path: a.csv, delimiter: ';', quote: none, header: true}}",
    ].join("\n");
    const [critics, domestic] = load(text).sources;
    expect(critics?.options).toEqual({
      delimiter: "\t",
      quote: "'",
      quoteEscape: "\\",
      header: false,
      columns: ["title", "year"],
      encoding: "windows-1252",
      maximumExpansion: 500,
    });
    expect(domestic?.options).toEqual({ delimiter: ";", quote: "", header: true });
    expect(Object.isFrozen(critics?.options)).toBe(true);
    expect(Object.isFrozen(critics?.options.columns)).toBe(true);
  });

  it("should tell every fault in the form of files", () => {
    const text = [
      "source:",
      "  critic_agg:",
      "    path: in",
      "    delimiter: ab",
      "    quote: x",
      "    escape: {}",
      "    header: maybe",
      "    columns: []",
      "    encoding: utf8",
      "    max_expansion: lots",
      "  audience_pulse:",
      "    path: in",
      "    delimiter: ','",
      "  box_office:",
      "    domestic: {path: in, delimiter: ';', quote: ';', escape: ';', header: false}",
      "    financials:",
      "      path: in",
      "      columns: [a]",
      "      quote: none",
      "      escape: \\",
    ].join("\n");
    expect(faultsOf(text)).toEqual([
      "pipeline.yaml:4: source.critic_agg.delimiter: expected one sign, no letter or digit, or tab, found 'ab'",
      "pipeline.yaml:5: source.critic_agg.quote: expected one sign, no letter or digit, or none, found 'x'",
      "pipeline.yaml:6: source.critic_agg.escape: expected one sign, no letter or digit, or none, found an empty object",
      "pipeline.yaml:7: source.critic_agg.header: expected true or false, found 'maybe'",
      "pipeline.yaml:8: source.critic_agg.columns: expected the names of the columns, found an empty list",
      "pipeline.yaml:8: source.critic_agg.columns: expected header: false beside it",
      "pipeline.yaml:9: source.critic_agg.encoding: expected utf-8, utf-16, latin-1, windows-1252, found 'utf8', did you mean utf-8?",
      "pipeline.yaml:10: source.critic_agg.max_expansion: expected how many times its size a file may hold, such as 500, found 'lots'",
      "pipeline.yaml:13: source.audience_pulse.delimiter: expected format csv or tsv, found json",
      "pipeline.yaml:15: source.box_office.domestic.delimiter: expected another sign than the quote's",
      "pipeline.yaml:15: source.box_office.domestic.escape: expected another sign than the delimiter's",
      "pipeline.yaml:15: source.box_office.domestic.header: expected the key 'columns' beside header: false",
      "pipeline.yaml:18: source.box_office.financials.columns: expected header: false beside it",
      "pipeline.yaml:20: source.box_office.financials.escape: expected a quote to escape, found quote: none",
    ]);
  });

  it.each([
    {
      text: "",
      fault:
        "1: expected an object with 'source' and, if wanted, 'stores', 'output' and 'retention', found nothing",
    },
    {
      text: "- a",
      fault:
        "1: expected an object with 'source' and, if wanted, 'stores', 'output' and 'retention', found a list",
    },
    { text: "output: {gold: out}", fault: "1: expected the key 'source'" },
    {
      text: "source:",
      fault: /^pipeline.yaml:1: source: expected an object with a source in it, such as .*, found nothing$/,
    },
    {
      text: "source: a.csv",
      fault: /^pipeline.yaml:1: source: expected an object with a source in it, such as .*, found 'a.csv'$/,
    },
    { text: "source: {}", fault: /found an empty object$/ },
    { text: "source: {critic_agg: ''}", fault: /found ''$/ },
    { text: "source: {critic_agg: [a.csv]}", fault: /or an object with 'path', found a list$/ },
    { text: "source: {critic_agg: {path: []}}", fault: /a path, a glob or a folder, found an empty list$/ },
    { text: "source: {critic_agg}", fault: /^pipeline.yaml:1: source.critic_agg: .* found nothing$/ },
    { text: "source: {critic_agg: {}}", fault: /found an empty object$/ },
    { text: `source: {critic_agg: "\${EMPTY}"}`, fault: /found nothing in \$\{EMPTY\}$/ },
    { text: `source: {critic_agg: "\${NAME"}`, fault: /expected \$\{NAME\}, found '\$\{NAME'$/ },
    { text: "source: {critic_agg: /*.csv}", fault: /expected a folder below \/, found '\/\*\.csv'$/ },
    {
      text: "source: {critic_agg: ../../..}",
      fault: /expected a folder below \/, found '\.\.\/\.\.\/\.\.'$/,
    },
    { text: "source: {critic_agg: a.csv}\noutput: {gold: /}", fault: /2: output.gold: .* of the system$/ },
    {
      text: "source: {critic_agg: in/a.csv}\noutput: {gold: in}",
      fault: /found 'in', which is that of critic_agg$/,
    },
    {
      text: "source: {critic_agg: in/a.csv}\noutput: {bronze: out, gold: ./out/}",
      fault:
        /2: output.gold: expected a folder of its own, found '\.\/out\/', which is that of output.bronze$/,
    },
    {
      text: "source: {critic_agg: a.csv}\noutput: {gold: out, format: parket}",
      fault: "2: output.format: expected csv, arrow, parquet, found 'parket', did you mean parquet?",
    },
    {
      text: "source: {critic_agg: a.csv}\noutput: {format: csv}",
      fault: "2: output: expected an object with one of bronze, silver, gold, found 'format' alone",
    },
    { text: "source:\n\tcritic_agg: a.csv", fault: /^pipeline.yaml:2: .*tabs/i },
    { text: "source:\n  critic_agg: [a.csv\n", fault: /^pipeline.yaml:\d: / },
    { text: "source: {critic_agg: a.csv}\n---\nsource: {}", fault: /^pipeline.yaml:2: .*documents/ },
  ])("should refuse $text", ({ text, fault }) => {
    const faults = faultsOf(text);
    if (typeof fault === "string") expect(faults).toEqual([`pipeline.yaml:${fault}`]);
    else expect(faults.join("\n")).toMatch(fault);
  });
});

describe("mountsOf", () => {
  it("should name folders of files, folders, the first part of globs, and each only once", () => {
    const text = [
      "source:",
      "  critic_agg: {path: [/a/b/c.csv, /a/b/d.csv, /a/b/new/e.csv, /ab/*.csv, /d/2024-*/x.csv]}",
      "  audience_pulse: /deliveries",
      "  box_office: {domestic: /root.csv, financials: /a/out/sub/x.csv}",
      "output: {bronze: /a/out, gold: /a/out/gold}",
    ].join("\n");
    expect(mountsOf(load(text))).toEqual([
      { path: "/a/b", mode: "ro" },
      { path: "/ab", mode: "ro" },
      { path: "/d", mode: "ro" },
      { path: "/deliveries", mode: "ro" },
      { path: "/root.csv", mode: "ro" },
      { path: "/a/out/sub", mode: "ro" },
      { path: "/a/out", mode: "rw" },
    ]);
  });
});
