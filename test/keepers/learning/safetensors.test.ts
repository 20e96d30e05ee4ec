// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../../../keepers/learning/external/safetensors.ts'
import { refuses } from './refusal.ts'

/** A file with this header, as it is or as JSON, and so many bytes of values. */
function fileOf(header: unknown, values = 0, stated?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(stated ?? BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(values)])
}
const f32 = (shape: number[], from: number, to: number) => ({ dtype: 'F32', shape, data_offsets: [from, to] })

describe('learning: safetensors', () => {
  it('reads what it writes, scalars and empty tensors included, with values aligned to eight bytes', () => {
    const tensors = new Map<string, Tensor>([
      ['dense/kernel', { type: 'F32', shape: [2, 3], bytes: new Uint8Array(24).map((_, i) => i) }],
      ['labels', { type: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
      ['scalar', { type: 'F64', shape: [], bytes: new Uint8Array(8) }],
      ['nothing', { type: 'I32', shape: [0, 4], bytes: new Uint8Array(0) }],
    ])
    const file = encodeSafetensors(tensors)
    expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).to.equal(0)
    expect(decodeSafetensors(file, 'x')).to.deep.equal(tensors)
  })

  it('reads tensors in any order, and metadata of strings', () => {
    const file = fileOf({ __metadata__: { made: 'by hand' }, b: f32([1], 4, 8), a: f32([1], 0, 4) }, 8)
    expect([...decodeSafetensors(file, 'x').keys()]).to.deep.equal(['b', 'a'])
  })

  const bad: readonly (readonly [what: string, file: Uint8Array, message: RegExp])[] = [
    ['an empty file', new Uint8Array(0), /w: 0 bytes are too few/],
    ['a header longer than anything', fileOf({}, 0, 2n ** 63n), /said to be 9223372036854775808 bytes long, at most/],
    ['a header longer than the file', fileOf({}, 0, 400n), /said to be 400 bytes long, the file has 10/],
    ['a pickle', fileOf('\x80\x04garbage'), /does not start with \{/],
    ['broken JSON', fileOf('{"a": '), /not JSON in UTF-8/],
    [
      'bytes that are no UTF-8',
      fileOf(`{"${'\u00ff'}"`).map((byte) => (byte === 0xc3 ? 0xff : byte)),
      /not JSON in UTF-8/,
    ],
    [
      'a name that comes twice',
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /names "a" twice/,
    ],
    ['a name that comes twice, once escaped', fileOf('{"a":1,"\\u0061":2}', 4), /names "a" twice/],
    ['a name that would be a prototype', fileOf('{"__proto__":{}}'), /cannot be called __proto__/],
    ['an unknown type', fileOf({ a: { ...f32([1], 0, 4), dtype: 'F99' } }, 4), /tensor "a": dtype/],
    ['an unknown key', fileOf({ a: { ...f32([1], 0, 4), more: 1 } }, 4), /tensor "a": entry/],
    ['a negative side', fileOf({ a: f32([-1], 0, 4) }, 4), /tensor "a": shape\.0/],
    [
      'a product beyond all numbers',
      fileOf({ a: f32([4294967295, 4294967295, 4294967295], 0, 4) }, 4),
      /4 bytes for F32/,
    ],
    ['another length than the shape`s', fileOf({ a: f32([2], 0, 4) }, 4), /4 bytes for F32 \[2\], which takes 8/],
    ['values cut off', fileOf({ a: f32([2], 0, 8) }, 4), /ends at byte 8 of 4: cut off/],
    ['an overlap', fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), /"b" starts at byte 0, expected 4: an overlap/],
    ['a gap', fileOf({ a: f32([1], 4, 8) }, 8), /"a" starts at byte 4, expected 0: an overlap or a gap/],
    ['bytes at the end', fileOf({ a: f32([1], 0, 4) }, 9), /5 bytes after the last tensor/],
    ['metadata that are not strings', fileOf({ __metadata__: { a: 1 } }), /__metadata__ must be/],
    [
      'more tensors than anybody has',
      fileOf(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`t${i}`, f32([0], 0, 0)]))),
      /10001 tensors, at most 10000/,
    ],
  ]
  for (const [what, file, message] of bad) {
    it(`refuses ${what}`, () => refuses(() => decodeSafetensors(file, 'w'), 'BAD_TENSORS', message))
  }

  it('refuses to write values that do not fill their shape', () => {
    const short = new Map<string, Tensor>([['a', { type: 'F32', shape: [2], bytes: new Uint8Array(4) }]])
    expect(() => encodeSafetensors(short)).to.throw(/4 bytes, its shape needs 8/)
  })
})
