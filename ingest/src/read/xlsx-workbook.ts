/** What a workbook says about its sheets: where they are, and which of their numbers are dates. */
import { posix } from "node:path";
import { builtInFormat, kindOfFormat, type NumberKind } from "./xlsx-formats.ts";
import { decodeEntities, readWholeXml, type XmlListener } from "./xml.ts";
import type { Archive } from "./zip.ts";

/** What is in the archive is no workbook that can be read; the message says why. */
export class WorkbookError extends Error {}

export class NoSuchSheet extends Error {}

export interface Workbook {
  /** Of the sheet that is to be read. */
  sheetPath: string;
  /** Of the texts that cells share; undefined if there are none. */
  textsPath: string | undefined;
  /** For each style what a number of that style is. */
  kinds: readonly NumberKind[];
  /** Days are counted from 1904, not from 1900. */
  is1904: boolean;
}

/** Where nearly all writers put it; the relations of the archive may name another place. */
const usualPath = "xl/workbook.xml";
const rootRelationsPath = "_rels/.rels";

const relationsPath = (path: string) => `${posix.dirname(path)}/_rels/${posix.basename(path)}.rels`;

/** `target` as it stands beside a part in `folder`: from there, or from the archive's top with a slash. */
const partPath = (folder: string, target: string) =>
  posix.resolve("/", folder, target.replaceAll("\\", "/")).slice(1);

/** Looks for the sheet of that name, else for the first one that has cells. */
export async function readWorkbook(archive: Archive, sheet: string | undefined): Promise<Workbook> {
  const path = await findWorkbook(archive);
  const { sheets, is1904 } = await readSheets(archive, path);
  const paths = await readPaths(archive, path);
  const readable = sheets.filter(({ id }) => paths.sheets.has(id));
  const found = sheet === undefined ? readable[0] : readable.find(({ name }) => name === sheet);
  if (found === undefined) throw new NoSuchSheet(`it has ${readable.map(({ name }) => name).join(", ")}`);
  return {
    sheetPath: paths.sheets.get(found.id) ?? "",
    textsPath: paths.texts !== undefined && archive.has(paths.texts) ? paths.texts : undefined,
    // without those that it names its dates would be numbers
    kinds: paths.styles === undefined ? [] : await readStyles(archive, paths.styles),
    is1904,
  };
}

async function readSheets(
  archive: Archive,
  path: string,
): Promise<{ sheets: { name: string; id: string }[]; is1904: boolean }> {
  const sheets: { name: string; id: string }[] = [];
  let is1904 = false;
  await readWholeXml(archive.read(path), {
    open(name, attributes) {
      // an extension has an element of that name, too
      if (name === "workbookPr") is1904 ||= ["1", "true"].includes(attributes().date1904 ?? "");
      if (name !== "sheet") return;
      const found = attributes();
      // its prefix is any that the file has chosen
      const idName = Object.keys(found).find((key) => key.endsWith(":id"));
      sheets.push({ name: textOf(found.name ?? ""), id: found[idName ?? ""] ?? "" });
    },
  });
  return { sheets, is1904 };
}

interface Paths {
  sheets: Map<string, string>;
  texts: string | undefined;
  styles: string | undefined;
}

async function findWorkbook(archive: Archive): Promise<string> {
  if (archive.has(usualPath) || !archive.has(rootRelationsPath)) return usualPath;
  const relations = await readRelations(archive, rootRelationsPath, "");
  return relations.find(({ kind }) => kind === "officeDocument")?.path ?? usualPath;
}

async function readPaths(archive: Archive, workbookPath: string): Promise<Paths> {
  const paths: Paths = { sheets: new Map(), texts: undefined, styles: undefined };
  const relations = await readRelations(archive, relationsPath(workbookPath), posix.dirname(workbookPath));
  for (const { id, kind, path } of relations) {
    if (kind === "worksheet") paths.sheets.set(id, path);
    if (kind === "sharedStrings") paths.texts = path;
    if (kind === "styles") paths.styles = path;
  }
  return paths;
}

async function readRelations(
  archive: Archive,
  path: string,
  folder: string,
): Promise<{ id: string; kind: string; path: string }[]> {
  const relations: { id: string; kind: string; path: string }[] = [];
  await readWholeXml(archive.read(path), {
    open(name, attributes) {
      if (name !== "Relationship") return;
      const { Id = "", Type = "", Target = "" } = attributes();
      // Two standards have the same kinds below other addresses.
      const kind = Type.slice(Type.lastIndexOf("/") + 1);
      relations.push({ id: Id, kind, path: partPath(folder, Target) });
    },
  });
  return relations;
}

async function readStyles(archive: Archive, path: string): Promise<NumberKind[]> {
  const codes = new Map<number, string>();
  const bases: (number | undefined)[] = [];
  const styles: { format: number | undefined; base: number }[] = [];
  let list = "";
  const listener: XmlListener = {
    open(name, attributes) {
      if (styleLists.has(name)) list = name;
      else if (name === "numFmt" && list === "numFmts")
        codes.set(Number(attributes().numFmtId), textOf(attributes().formatCode ?? ""));
      else if (name === "xf") {
        const { numFmtId, xfId, applyNumberFormat } = attributes();
        const format = numFmtId === undefined ? undefined : Number(numFmtId);
        const isOwn = ["1", "true"].includes(applyNumberFormat ?? "");
        if (list === "cellStyleXfs") bases.push(format);
        if (list === "cellXfs") styles.push({ format, base: isOwn ? Number.NaN : Number(xfId) });
      }
    },
    close(name) {
      if (name === list) list = "";
    },
  };
  await readWholeXml(archive.read(path), listener);
  return styles.map(({ format = 0, base }) => {
    const id = format === 0 ? (bases[base] ?? 0) : format;
    return kindOfFormat(codes.get(id) ?? builtInFormat(id));
  });
}

const styleLists = new Set(["numFmts", "cellStyleXfs", "cellXfs"]);

/** A text of a workbook: what XML cannot hold stands there as `_x000D_`. */
export const textOf = (xml: string) => withEscapes(decodeEntities(xml));

export function withEscapes(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replaceAll(/_x([\dA-Fa-f]{4})_/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
