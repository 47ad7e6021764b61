/** Files of made-up films, the same at each call: commas, quotes, line breaks and other scripts in their titles. */
import {
  appendFileSync,
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip, gzipSync } from "node:zlib";

const words =
  "the of night day star moon love war last first Amélie 千と千尋 city dark light river road home king".split(
    " ",
  );
export const columns = [
  "movie_title",
  "release_year",
  "critic_score_percentage",
  "top_critic_score",
  "total_critic_reviews_counted",
];
const flushCharacters = 1_000_000;

/** What a file is, as its name ends. */
export type Kind = "csv" | "json" | "csv.gz";

/** Writes `file` unless it is there; JSON has no broken records. */
export async function makeData(file: string, kind: Kind, rows: number, brokenShare: number): Promise<void> {
  if (existsSync(file)) return;
  if (kind === "json") makeJson(file, rows);
  else if (kind === "csv") makeCsv(file, rows, brokenShare);
  else {
    const plain = file.slice(0, -".gz".length);
    makeCsv(plain, rows, brokenShare);
    await pipeline(createReadStream(plain), createGzip({ level: 1 }), createWriteStream(`${file}.part`));
    renameSync(`${file}.part`, file);
  }
}

/** One record more at the end of a file. */
export function addRecord(file: string, kind: Kind, title: string): void {
  if (kind === "json") truncateSync(file, statSync(file).size - arrayEnd.length);
  const line = `${title},2000,50,5.0,100\n`;
  const texts = { json: `,\n{"title": "${title}"}${arrayEnd}`, csv: line, "csv.gz": gzipSync(line) };
  appendFileSync(file, texts[kind]);
}

const arrayEnd = "\n]\n";

/** Writes `file` unless it is there. `brokenShare` of its records have too few or too many fields. */
export function makeCsv(file: string, rows: number, brokenShare: number): void {
  makeFile(file, function* () {
    const random = createRandom();
    const broken = createRandom(7);
    yield `${columns.join(",")}\n`;
    for (let row = 1; row <= rows; row++) {
      const values = [quotedTitle(row, random), ...figures(random)];
      const fate = broken() / brokenShare;
      if (fate < 0.5) values.pop();
      else if (fate < 1) values.push("extra");
      yield `${values.join(",")}\n`;
    }
  });
}

export function makeJson(file: string, records: number): void {
  makeFile(file, function* () {
    const random = createRandom();
    for (let record = 1; record <= records; record++) {
      const [year, , score, ratings] = figures(random);
      const members = `"year": ${year}, "audience_average_score": ${score}, "total_audience_ratings": ${ratings}`;
      yield `${record === 1 ? "[" : ","}\n{"title": ${JSON.stringify(title(record, random))}, ${members}}`;
    }
    yield arrayEnd;
  });
}

/** Nothing half written stays under the name. */
function makeFile(file: string, pieces: () => Generator<string>): void {
  if (existsSync(file)) return;
  const descriptor = openSync(`${file}.part`, "w");
  let held = "";
  for (const piece of pieces()) {
    held += piece;
    if (held.length < flushCharacters) continue;
    writeSync(descriptor, held);
    held = "";
  }
  writeSync(descriptor, held);
  closeSync(descriptor);
  renameSync(`${file}.part`, file);
}

/** Xorshift, from 0 to 1: the same numbers on each machine. */
export function createRandom(seed = 123_456_789): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function title(number: number, random: () => number): string {
  const count = 1 + Math.floor(random() * 4);
  const chosen = Array.from({ length: count }, () => words[Math.floor(random() * words.length)]);
  return `${chosen.join(" ")} ${number}`;
}

function quotedTitle(number: number, random: () => number): string {
  const text = title(number, random);
  const share = random();
  if (share < 0.05) return `"${text}, part two"`;
  if (share < 0.07) return `"${text} ""cut"""`;
  if (share < 0.095) return `"${text}\nsubtitle"`;
  return share < 0.1 ? `"${text}\r\nsubtitle 🎬"` : text;
}

export const figures = (random: () => number) => [
  String(1900 + Math.floor(random() * 130)),
  String(Math.floor(random() * 101)),
  (random() * 10).toFixed(1),
  String(Math.floor(random() * 500)),
];
