// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays as NumPy saves them, for tests.

/** Version 1.0, little-endian, rows first. */
export function npy(shape: readonly number[], values: readonly number[], type: '<f4' | '|u1' = '<f4'): Buffer {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sides}), }`
  // Magic, version and length take ten bytes; values begin at a multiple of 64.
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(padded.length)
  const bytes = type === '<f4' ? new Uint8Array(Float32Array.from(values).buffer) : Uint8Array.from(values)
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded, 'latin1'), bytes])
}
