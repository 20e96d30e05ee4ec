// SPDX-License-Identifier: GPL-3.0-or-later
// The iden3 container that r1cs, zkey and wtns files share, read: four letters, a version, a count, then numbered sections,
// each behind its length (https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md). setup/section-file.ts writes it.

const FRAME_BYTES = 12

/** The four letters that a file begins with. */
export function typeOf(file: Uint8Array): string {
  return String.fromCharCode(...file.subarray(0, 4))
}

/**
 * The sections of a file by number; views of it, not copies.
 * Throws what `malformed` makes of a file of another type, a section that is cut off or occurs twice; what `unsupported` makes
 * of another version.
 */
export function sectionsOf(
  file: Uint8Array,
  expected: { readonly type: string; readonly version: number },
  malformed: (what: string) => Error,
  unsupported: (what: string) => Error = malformed,
): Map<number, Uint8Array> {
  if (file.byteLength < FRAME_BYTES) throw malformed(`${file.byteLength} bytes are no ${expected.type} file`)
  if (typeOf(file) !== expected.type) throw malformed(`does not begin with the letters ${expected.type}`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const version = view.getUint32(4, true)
  if (version !== expected.version) throw unsupported(`format version ${version}, only ${expected.version} is read`)
  const sections = new Map<number, Uint8Array>()
  let at = FRAME_BYTES
  for (let remaining = view.getUint32(8, true); remaining > 0; remaining--) {
    if (at + FRAME_BYTES > file.byteLength) throw malformed('ends inside a section header')
    const id = view.getUint32(at, true)
    const size = Number(view.getBigUint64(at + 4, true))
    at += FRAME_BYTES
    if (at + size > file.byteLength) throw malformed(`section ${id} states ${size} bytes, the file ends before`)
    if (sections.has(id)) throw malformed(`section ${id} occurs twice`)
    sections.set(id, file.subarray(at, at + size))
    at += size
  }
  return sections
}
