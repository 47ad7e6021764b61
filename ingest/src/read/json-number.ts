const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;
const digit0 = 0x30;
const digit9 = 0x39;
const letterE = 0x65;

/** The position behind the number at `start`; -1: there is none. */
export function numberEnd(bytes: Buffer, start: number): number {
  let position = bytes[start] === minus ? start + 1 : start;
  const first = bytes[position];
  position = digitsEnd(bytes, position);
  const isLeadingZero = first === digit0 && position - start > (bytes[start] === minus ? 2 : 1);
  if (position < 0 || isLeadingZero) return -1;
  if (bytes[position] === point) position = digitsEnd(bytes, position + 1);
  if (position < 0 || ((bytes[position] as number) | 0x20) !== letterE) return position;
  const sign = bytes[position + 1];
  return digitsEnd(bytes, position + (sign === plus || sign === minus ? 2 : 1));
}

function digitsEnd(bytes: Buffer, start: number): number {
  let position = start;
  while ((bytes[position] as number) >= digit0 && (bytes[position] as number) <= digit9) position++;
  return position > start ? position : -1;
}
