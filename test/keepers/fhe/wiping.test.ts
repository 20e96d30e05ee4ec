// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ByteWriter } from '../../../keepers/fhe/encoding.ts'
import {
  encryptUpdate,
  finishKeyGeneration,
  type MemberKey,
  MemoryOnceGuard,
  openEngine,
} from '../../../keepers/fhe/index.ts'
import { InlineThreads } from '../../../keepers/fhe/threads.ts'
import { perform } from '../../../keepers/fhe/worker.ts'
import { ceremony, EPOCH, finishRequest, ROUND, startAll, testPlan, vectorOf } from './ceremony.ts'

/** Runs `body` with `method` of `prototype` replaced by one that hears the arguments first. */
async function hearing<T extends object, R>(
  prototype: T,
  method: keyof T & string,
  hear: (...args: never[]) => void,
  body: () => Promise<R>,
): Promise<R> {
  const original = prototype[method] as (...args: never[]) => unknown
  const replaced = function (this: unknown, ...args: never[]): unknown {
    hear(...args)
    return original.apply(this, args)
  }
  Object.assign(prototype, { [method]: replaced })
  try {
    return await body()
  } finally {
    Object.assign(prototype, { [method]: original })
  }
}

const isBlank = (array: ArrayLike<number>): boolean => Array.from(array).every((value) => value === 0)

describe('buffers of secrets and plaintexts', () => {
  it('of an update’s values are zeros when it is encrypted', async () => {
    const engine = await openEngine(testPlan(3, 2))
    try {
      const { memberKeys } = await ceremony(engine, [0])
      const seen: Float64Array[] = []
      const request = {
        context: ROUND,
        memberKey: memberKeys.get(0) as MemberKey,
        vector: vectorOf(50, 1),
        weight: 1,
        guard: new MemoryOnceGuard(),
      }
      await hearing(
        InlineThreads.prototype,
        'encrypt',
        (_index: number, values: Float64Array) => seen.push(values),
        () => encryptUpdate(engine, request),
      )
      expect(seen).to.have.length(1)
      expect(isBlank(seen[0]!)).to.equal(true)
    } finally {
      await engine.close()
    }
  })

  it('of the values that a worker was handed too, also when it cannot encrypt them', () => {
    const values = Float64Array.of(1, 2, 3)
    const broken = {
      kernel: { polynomialBytes: 8 },
      encrypt: () => {
        throw new Error('no product is open')
      },
    }
    expect(() => perform(broken as never, { op: 'encrypt', index: 0, values, bytes: 8 })).to.throw('no product')
    expect(isBlank(values)).to.equal(true)
  })

  it('with the input of the noise key are zeros when the member key is made', async () => {
    const engine = await openEngine(testPlan(3, 2))
    try {
      const { parties, members } = await startAll(engine)
      const encryptionKey = parties[1]!.keys.secretKey.reveal((bytes) => bytes.slice())
      const writes: Uint8Array[][] = []
      const written = new Map<unknown, Uint8Array[]>()
      const original = ByteWriter.prototype.bytes
      ByteWriter.prototype.bytes = function (this: ByteWriter, value: Uint8Array) {
        const parts = written.get(this) ?? []
        written.set(this, parts)
        parts.push(value)
        return original.call(this, value)
      }
      try {
        // Data written beside the X25519 key, or before it, feeds the noise key.
        await finishKeyGeneration(engine, finishRequest(parties, members, 1, EPOCH))
      } finally {
        ByteWriter.prototype.bytes = original
      }
      for (const parts of written.values()) {
        if (parts.some((part) => Buffer.compare(part, encryptionKey) === 0)) writes.push(parts)
      }
      expect(writes).to.have.length(1)
      for (const part of writes[0]!) {
        // The key itself is the caller's.
        if (Buffer.compare(part, encryptionKey) !== 0) expect(isBlank(part)).to.equal(true)
      }
    } finally {
      await engine.close()
    }
  })
})
