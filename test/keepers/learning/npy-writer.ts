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

/**
 * An archive of one array, whose directory says whatever is asked for.
 * @param packed by DEFLATE @param size that it claims to unpack to
 */
export function npzOf(name: string, packed: Uint8Array, size: number, sum = 0): Buffer {
  const [local, central, end] = [Buffer.alloc(30), Buffer.alloc(46), Buffer.alloc(22)]
  for (const [buffer, magic, at] of [
    [local, 0x04034b50, 8],
    [central, 0x02014b50, 10],
  ] as const) {
    buffer.writeUInt32LE(magic, 0)
    buffer.writeUInt16LE(8, at)
    buffer.writeUInt32LE(sum, at + 6)
    buffer.writeUInt32LE(packed.length, at + 10)
    buffer.writeUInt32LE(size, at + 14)
    buffer.writeUInt16LE(name.length, at + 18)
  }
  const body = Buffer.concat([local, Buffer.from(name), packed])
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(body.length, 16)
  return Buffer.concat([body, central, Buffer.from(name), end])
}
