/** What a workbook says about its sheets: where they are, and which of their numbers are dates. */
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
  /** For each style whether a number of that style is a date. */
  isDate: readonly boolean[];
  /** Days are counted from 1904, not from 1900. */
  is1904: boolean;
}

const workbookPath = "xl/workbook.xml";
const relationsPath = "xl/_rels/workbook.xml.rels";

/** Looks for the sheet of that name, else for the first one that has cells. */
export async function readWorkbook(archive: Archive, sheet: string | undefined): Promise<Workbook> {
  const { sheets, is1904 } = await readSheets(archive);
  const paths = await readPaths(archive);
  const readable = sheets.filter(({ id }) => paths.sheets.has(id));
  const found = sheet === undefined ? readable[0] : readable.find(({ name }) => name === sheet);
  if (found === undefined) throw new NoSuchSheet(`it has ${readable.map(({ name }) => name).join(", ")}`);
  return {
    sheetPath: paths.sheets.get(found.id) ?? "",
    textsPath: paths.texts !== undefined && archive.has(paths.texts) ? paths.texts : undefined,
    isDate:
      paths.styles !== undefined && archive.has(paths.styles) ? await readStyles(archive, paths.styles) : [],
    is1904,
  };
}

async function readSheets(
  archive: Archive,
): Promise<{ sheets: { name: string; id: string }[]; is1904: boolean }> {
  const sheets: { name: string; id: string }[] = [];
  let is1904 = false;
  await readWholeXml(archive.read(workbookPath), {
    open(name, attributes) {
      if (name === "workbookPr") is1904 = ["1", "true"].includes(attributes().date1904 ?? "");
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

async function readPaths(archive: Archive): Promise<Paths> {
  const paths: Paths = { sheets: new Map(), texts: undefined, styles: undefined };
  await readWholeXml(archive.read(relationsPath), {
    open(name, attributes) {
      if (name !== "Relationship") return;
      const { Id = "", Type = "", Target = "" } = attributes();
      const path = Target.startsWith("/") ? Target.slice(1) : `xl/${Target}`;
      // Two standards have the same kinds below other addresses.
      const kind = Type.slice(Type.lastIndexOf("/") + 1);
      if (kind === "worksheet") paths.sheets.set(Id, path);
      if (kind === "sharedStrings") paths.texts = path;
      if (kind === "styles") paths.styles = path;
    },
  });
  return paths;
}

async function readStyles(archive: Archive, path: string): Promise<boolean[]> {
  const codes = new Map<number, string>();
  const bases: (number | undefined)[] = [];
  const styles: { format: number | undefined; base: number }[] = [];
  let list = "";
  const listener: XmlListener = {
    open(name, attributes) {
      if (name === "cellStyleXfs" || name === "cellXfs") list = name;
      else if (name === "numFmt")
        codes.set(Number(attributes().numFmtId), textOf(attributes().formatCode ?? ""));
      else if (name === "xf") {
        const { numFmtId, xfId } = attributes();
        const format = numFmtId === undefined ? undefined : Number(numFmtId);
        if (list === "cellStyleXfs") bases.push(format);
        if (list === "cellXfs") styles.push({ format, base: Number(xfId) });
      }
    },
    close(name) {
      if (name === list) list = "";
    },
  };
  await readWholeXml(archive.read(path), listener);
  return styles.map(({ format = 0, base }) => {
    const id = format === 0 ? (bases[base] ?? 0) : format;
    return isBuiltInDate(id) || isDateFormat(codes.get(id) ?? "");
  });
}

/** Formats without a code in the file, those of Chinese, Japanese, Korean and Thai versions of Excel too. */
const builtInDates = [
  [14, 22],
  [27, 36],
  [45, 47],
  [50, 58],
  [71, 81],
] as const;
const isBuiltInDate = (id: number) => builtInDates.some(([first, last]) => id >= first && id <= last);

/** Whether the code of a number format, such as `[$-409]d mmm yyyy;@`, shows a date or a time. */
export function isDateFormat(code: string): boolean {
  const signs = code.toLowerCase().replaceAll(/"[^"]*"|\\.|\[\$[^\]]*\]/g, " ");
  return signs.split(";").some((section) => {
    const plain = section
      .replaceAll(/\[([hms]+)\]/g, "$1")
      .replaceAll(/\[[^\]]*\]/g, " ")
      .replaceAll(/s[.,]0+/g, "s");
    const words = plain.match(/[a-z0#?%]+/g) ?? [];
    return words.length > 0 && words.every((word) => /^[ymdhsapegb]+$/.test(word));
  });
}

/** A text of a workbook: what XML cannot hold stands there as `_x000D_`. */
export const textOf = (xml: string) => withEscapes(decodeEntities(xml));

export function withEscapes(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replaceAll(/_x([\dA-Fa-f]{4})_/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
