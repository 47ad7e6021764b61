/** The texts that the cells of a workbook share, as bytes: as strings they would take several times the memory. */
import { WorkbookError, withEscapes } from "./xlsx-workbook.ts";
import { readXml, type XmlListener } from "./xml.ts";
import type { Archive } from "./zip.ts";

/** Of all texts together, with what it takes to find each. */
const maximumBytes = 268_435_456;
const placeBytes = 8;
const blockBytes = 8_388_608;

export class SharedTexts {
  readonly #blocks: Buffer[] = [];
  #filled = blockBytes; // of the last block
  /** Block, start and end of each text, in their order. */
  #places = new Uint32Array(3 * 1024);
  #count = 0;
  #byteCount = 0;
  /** Those that bytes cannot hold, such as half of a surrogate pair: whoever reads them rejects their row. */
  readonly #broken = new Map<number, string>();

  static async read(archive: Archive, path: string | undefined): Promise<SharedTexts> {
    const texts = new SharedTexts();
    if (path === undefined) return texts;
    for await (const _ of readXml(archive.read(path), texts.#listener()));
    return texts;
  }

  at(index: number): string | undefined {
    if (!(Number.isInteger(index) && index >= 0 && index < this.#count)) return undefined;
    const broken = this.#broken.get(index);
    if (broken !== undefined) return broken;
    const [block = 0, start, end] = this.#places.subarray(3 * index, 3 * index + 3);
    return this.#blocks[block]?.toString("utf8", start, end);
  }

  #listener(): XmlListener {
    const collector = new TextCollector();
    return {
      open: (name) => collector.open(name),
      close: (name) => {
        collector.close(name);
        if (name === "si") this.#add(collector.take());
      },
      text: (text) => collector.text(text),
    };
  }

  #add(text: string): void {
    const length = Buffer.byteLength(text);
    this.#byteCount += length + placeBytes;
    if (this.#byteCount > maximumBytes)
      throw new WorkbookError(`its cells share more than ${maximumBytes} bytes of text`);
    if (!text.isWellFormed()) this.#broken.set(this.#count, text);
    if (length > blockBytes - this.#filled || this.#blocks.length === 0) {
      this.#blocks.push(Buffer.allocUnsafe(Math.max(blockBytes, length)));
      this.#filled = 0;
    }
    this.#blocks.at(-1)?.write(text, this.#filled);
    this.#remember([this.#blocks.length - 1, this.#filled, this.#filled + length]);
    this.#filled += length;
  }

  #remember(place: number[]): void {
    if (3 * this.#count === this.#places.length) {
      const larger = new Uint32Array(2 * this.#places.length);
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places.set(place, 3 * this.#count++);
  }
}

/** A text may come in many pieces, each of them small enough; a cell's has at most 32,767 signs. */
const maximumTextLength = 33_554_432;

export function joined(text: string, piece: string): string {
  if (text.length + piece.length > maximumTextLength)
    throw new WorkbookError(`a text of more than ${maximumTextLength} signs`);
  return text + piece;
}

/** Joins the runs of a text; how East Asian signs are pronounced, which stands beside them, is no part of it. */
export class TextCollector {
  #text = "";
  #isIn = false;
  #isPronunciation = false;

  open(name: string): void {
    if (name === "t") this.#isIn = true;
    if (name === "rPh") this.#isPronunciation = true;
  }

  close(name: string): void {
    if (name === "t") this.#isIn = false;
    if (name === "rPh") this.#isPronunciation = false;
  }

  text(text: string): void {
    if (this.#isIn && !this.#isPronunciation) this.#text = joined(this.#text, text);
  }

  take(): string {
    const text = withEscapes(this.#text);
    this.#text = "";
    return text;
  }
}
