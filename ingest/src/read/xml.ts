/** XML as it comes, event by event: nothing of it is kept. */
import { Parser } from "saxen";

/** It is no XML, or none that could be a workbook's; the message says how. */
export class XmlError extends Error {}

/** Hears what stands in the XML, in its order. Names of elements are without their prefix; attributes are as spelled. */
export interface XmlListener {
  open?(name: string, attributes: () => Record<string, string>): void;
  close?(name: string): void;
  /** What stands between two tags; more than once if there is CDATA in it. */
  text?(text: string): void;
}

/** A tag or a text is held in memory until its end; the longest text of a cell has 32,767 signs. */
const maximumTokenLength = 4_194_304;
/** The parser remembers all tags that are open; a workbook's are fewer than 20. */
const maximumDepth = 1000;

/** Tells `listener` what is in the chunks; each answer means that one of them is read. */
export async function* readXml(chunks: AsyncIterable<Buffer>, listener: XmlListener): AsyncGenerator<void> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  const token = { length: 0 };
  const parser = parserFor(listener, token);
  let rest = "";
  const give = (chunk?: Buffer) => {
    decoder ??= decoderFor(chunk);
    const text = decoded(decoder, chunk);
    token.length += text.length;
    // The parser takes a `>` in an attribute for the end of a tag that is cut off: it gets whole tags, which end
    // before the next one begins.
    const end = chunk === undefined ? text.length : text.lastIndexOf("<");
    if (end >= 0) parser.write(rest + text.slice(0, end));
    rest = end >= 0 ? text.slice(end) : rest + text;
    if (token.length > maximumTokenLength + text.length)
      throw new XmlError(`a text or a tag of more than ${maximumTokenLength} signs`);
  };
  for await (const chunk of chunks) {
    give(chunk);
    yield;
  }
  give();
  parser.end();
  yield;
}

/** XML of a workbook is UTF-8, or UTF-16 with a byte order mark. */
function decoderFor(chunk: Buffer | undefined): InstanceType<typeof TextDecoder> {
  const mark = chunk?.toString("hex", 0, 2) ?? "";
  const encodings: Record<string, string> = { fffe: "utf-16le", feff: "utf-16be" };
  return new TextDecoder(encodings[mark] ?? "utf-8", { fatal: true });
}

function decoded(decoder: InstanceType<typeof TextDecoder>, chunk: Buffer | undefined): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch (cause) {
    throw new XmlError(`bytes that are no ${decoder.encoding.toUpperCase()}`, { cause });
  }
}

/** All of it at once, for what is small. */
export async function readWholeXml(chunks: AsyncIterable<Buffer>, listener: XmlListener): Promise<void> {
  for await (const _ of readXml(chunks, listener));
}

function parserFor(listener: XmlListener, token: { length: number }): Parser {
  const heard = () => {
    token.length = 0;
  };
  let depth = 0;
  const parser = new Parser();
  parser.on("error", (cause) => {
    throw new XmlError(cause.message, { cause });
  });
  parser.on("openTag", (name, attributes) => {
    heard();
    if (++depth > maximumDepth) throw new XmlError(`more than ${maximumDepth} tags inside one another`);
    listener.open?.(localName(name), attributes);
  });
  parser.on("closeTag", (name) => {
    heard();
    depth--;
    listener.close?.(localName(name));
  });
  parser.on("text", (text) => {
    heard();
    listener.text?.(decodeEntities(withLineFeeds(text)));
  });
  parser.on("cdata", (text) => {
    heard();
    listener.text?.(withLineFeeds(text));
  });
  return parser;
}

/** A line break of XML is one sign, however it is spelled; a carriage return that is meant stands there as `&#13;`. */
const withLineFeeds = (text: string) => (text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text);

const localName = (name: string) => name.slice(name.indexOf(":") + 1);

const entities: Record<string, string> = { amp: "&", apos: "'", gt: ">", lt: "<", quot: '"' };

/** The parser's own way knows no sign beyond the first 65,536. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
