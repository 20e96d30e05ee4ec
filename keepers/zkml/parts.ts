// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes in memory, or a part of an open file: a key of a hundred megabytes is read piece by piece, where it is used.

/** A part of an open file. The descriptor serves all threads of the process. */
export type FilePart = { readonly descriptor: number; readonly at: number; readonly byteLength: number }

export type Part = Uint8Array | FilePart

/** The part from `at` on; a view, nothing is read. */
export function partOf<P extends Part>(part: P, at: number, byteLength: number): P {
  if (part instanceof Uint8Array) return part.subarray(at, at + byteLength) as P & Uint8Array
  return { ...part, at: part.at + at, byteLength }
}

/** Bytes of [from, to): a view where they are in memory. Throws RangeError where the file has become shorter. */
export function readPart(part: Part, from = 0, to = part.byteLength): Uint8Array {
  if (part instanceof Uint8Array) return part.subarray(from, to)
  const bytes = new Uint8Array(to - from)
  fill(part, from, bytes)
  return bytes
}

/** All bytes in order, at most `size` at once; each piece is valid until the next. */
export function* piecesOf(part: Part, size: number): Generator<{ readonly from: number; readonly bytes: Uint8Array }> {
  const buffer = part instanceof Uint8Array ? null : new Uint8Array(Math.min(size, part.byteLength))
  for (let from = 0; from < part.byteLength; from += size) {
    const length = Math.min(size, part.byteLength - from)
    const bytes = buffer === null ? readPart(part, from, from + length) : buffer.subarray(0, length)
    if (!(part instanceof Uint8Array)) fill(part, from, bytes)
    yield { from, bytes }
  }
}

function fill({ descriptor, at, byteLength }: FilePart, from: number, into: Uint8Array): void {
  const { readSync } = process.getBuiltinModule('node:fs')
  for (let done = 0; done < into.byteLength; ) {
    const read = readSync(descriptor, into, done, into.byteLength - done, at + from + done)
    if (read === 0) throw new RangeError(`the file ends before the ${byteLength} bytes at ${at} that it had`)
    done += read
  }
}
