/** Which numbers of a workbook are dates, times and durations: their format alone says it. */

/** What a number's format shows: a time has no day, a duration may have more than 24 hours. */
export type NumberKind = "number" | "date" | "time" | "duration";

/** Formats without a code in the file, those of Chinese, Japanese, Korean and Thai versions of Excel too. */
const builtInDates = [
  [14, 22],
  [27, 36],
  [45, 47],
  [50, 58],
  [71, 81],
] as const;
const builtInTimes: Record<number, string> = {
  ...{ 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss" },
  ...{ 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0" },
};

/** The code of a format that has none in the file, as far as its kind needs it. */
export function builtInFormat(id: number): string {
  const isDate = builtInDates.some(([first, last]) => id >= first && id <= last);
  return builtInTimes[id] ?? (isDate ? "yyyy-mm-dd" : "");
}

/** What the code of a number format shows: `[$-409]d mmm yyyy;@` a date, `h:mm` a time, `[h]:mm` a duration. */
export function kindOfFormat(code: string): NumberKind {
  const signs = code.toLowerCase().replaceAll(/"[^"]*"|\\.|\[\$[^\]]*\]/g, " ");
  const kinds = signs.split(";").map(kindOfSection);
  return kinds.find((kind) => kind !== "number") ?? "number";
}

function kindOfSection(section: string): NumberKind {
  const plain = section
    .replaceAll(/\[([hms]+)\]/g, "$1")
    .replaceAll(/\[[^\]]*\]/g, " ")
    .replaceAll(/s[.,]0+/g, "s");
  const words = plain.match(/[a-z0#?%]+/g) ?? [];
  const letters = words.join("");
  if (!(/[ymdhse]/.test(letters) && /^[ymdhsapegbtz]+$/.test(letters))) return "number";
  if (/\[[hms]+\]/.test(section)) return "duration";
  // m alone is a month, beside hours or seconds minutes
  return /[yde]|mmm/.test(letters) || !/[hs]/.test(letters) ? "date" : "time";
}
