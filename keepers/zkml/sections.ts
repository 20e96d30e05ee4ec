// SPDX-License-Identifier: GPL-3.0-or-later
// The iden3 container that r1cs, zkey and wtns files share, read: four letters, a version, a count, then numbered sections,
// each behind its length (https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md). setup/section-file.ts writes it.
import { type Part, partOf, readPart } from './parts.ts'

const FRAME_BYTES = 12

/** The four letters that a file begins with. */
export function typeOf(file: Part): string {
  return String.fromCharCode(...readPart(file, 0, Math.min(4, file.byteLength)))
}

/**
 * The sections of a file by number; views of it, not copies. Of a file on disk only the frame is read.
 * Throws what `malformed` makes of a file of another type, a section that is cut off or occurs twice; what `unsupported` makes
 * of another version.
 */
export function sectionsOf<P extends Part>(
  file: P,
  expected: { readonly type: string; readonly version: number },
  malformed: (what: string) => Error,
  unsupported: (what: string) => Error = malformed,
): Map<number, P> {
  if (file.byteLength < FRAME_BYTES) throw malformed(`${file.byteLength} bytes are no ${expected.type} file`)
  if (typeOf(file) !== expected.type) throw malformed(`does not begin with the letters ${expected.type}`)
  const frame = (at: number) => {
    const bytes = readPart(file, at, at + FRAME_BYTES)
    return new DataView(bytes.buffer, bytes.byteOffset)
  }
  const version = frame(0).getUint32(4, true)
  if (version !== expected.version) throw unsupported(`format version ${version}, only ${expected.version} is read`)
  const sections = new Map<number, P>()
  let at = FRAME_BYTES
  for (let remaining = frame(0).getUint32(8, true); remaining > 0; remaining--) {
    if (at + FRAME_BYTES > file.byteLength) throw malformed('ends inside a section header')
    const view = frame(at)
    const id = view.getUint32(0, true)
    const size = Number(view.getBigUint64(4, true))
    at += FRAME_BYTES
    if (at + size > file.byteLength) throw malformed(`section ${id} states ${size} bytes, the file ends before`)
    if (sections.has(id)) throw malformed(`section ${id} occurs twice`)
    sections.set(id, partOf(file, at, size))
    at += size
  }
  return sections
}
