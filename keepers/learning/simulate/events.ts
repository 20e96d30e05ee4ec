// SPDX-License-Identifier: GPL-3.0-or-later
// TensorBoard event files: TFRecords of Event messages with scalars. tensorflow/core/lib/io/record_writer.cc for the framing,
// tensorflow/core/util/event.proto and framework/summary.proto for the fields.
import type { RoundRecord } from './state.ts'

/** CRC-32C (Castagnoli), reflected. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!
  return ~crc >>> 0
}

/** As record files have it: a checksum of data that holds checksums would be weak. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

function record(data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(data.length))
  head.writeUInt32LE(masked(crc32c(head.subarray(0, 8))), 8)
  const tail = Buffer.alloc(4)
  tail.writeUInt32LE(masked(crc32c(data)))
  return Buffer.concat([head, data, tail])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(bytes)
}

const field = (number: number, wire: 0 | 1 | 2 | 5): Buffer => varint(number * 8 + wire)

function bytesField(number: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([field(number, 2), varint(bytes.length), bytes])
}

/** @param seconds Unix time. */
function event(seconds: number, rest: readonly Buffer[]): Buffer {
  const time = Buffer.alloc(8)
  time.writeDoubleLE(seconds)
  return record(Buffer.concat([field(1, 1), time, ...rest]))
}

function scalar(tag: string, value: number): Buffer {
  const simple = Buffer.alloc(4)
  simple.writeFloatLE(value)
  return bytesField(1, Buffer.concat([bytesField(1, tag), field(2, 5), simple]))
}

/**
 * A whole event file of a simulation's rounds, each a step.
 * @param begun Unix time in seconds that the file states @param classNames name classes in tags; numbers without
 */
export function roundsEvents(
  records: readonly RoundRecord[],
  begun: number,
  classNames: readonly string[] = [],
): Uint8Array {
  const parts = [event(begun, [bytesField(3, 'brain.Event:2')])]
  for (const record of records) {
    const summary = scalarsOf(record, classNames).map(([tag, value]) => scalar(tag, value))
    parts.push(event(begun, [field(2, 0), varint(record.round), bytesField(5, Buffer.concat(summary))]))
  }
  return Buffer.concat(parts)
}

function scalarsOf(record: RoundRecord, classNames: readonly string[]): [tag: string, value: number][] {
  const {
    accuracy,
    loss,
    trainLoss,
    norm,
    macroF1,
    members,
    dropped,
    epsilon,
    recall,
    precision,
    f1,
    clients = [],
  } = record
  const name = (c: number) => classNames[c] ?? String(c)
  const all: [string, number | null | undefined][] = [
    ...Object.entries({
      'test/accuracy': accuracy,
      'test/loss': loss,
      'test/macro_f1': macroF1,
      'train/loss': trainLoss,
      'train/norm': norm,
    }),
    ...Object.entries({ 'round/members': members, 'round/dropped': dropped, 'privacy/epsilon': epsilon }),
    ...recall.map((value, c): [string, number | null] => [`recall/${name(c)}`, value]),
    ...precision.map((value, c): [string, number | null] => [`precision/${name(c)}`, value]),
    ...f1.map((value, c): [string, number | null] => [`f1/${name(c)}`, value]),
    ...clients.flatMap((figures, k) =>
      Object.entries(figures ?? {}).map(([what, value]): [string, number | null] => [`client/${k}/${what}`, value]),
    ),
  ]
  return all.filter((entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]))
}
