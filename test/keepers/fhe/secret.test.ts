// SPDX-License-Identifier: GPL-3.0-or-later
import { format, inspect } from 'node:util'
import { expect } from 'chai'
import { Secret } from '../../../keepers/fhe/index.ts'
import { lagrangeAtZero } from '../../../keepers/fhe/shamir.ts'
import {
  add,
  bareShare,
  coefficients,
  dealtSum,
  fromWords,
  ownSecret,
  polynomialOfCoefficients,
  product,
  subtract,
} from './arithmetic.ts'
import { ROUND } from './ceremony.ts'
import { masksOf, pairKeyIn } from './masks.ts'
import { refuses } from './rejection.ts'
import { ciphertextOf, openRound, polynomialOf, sharesOf } from './round.ts'

describe('fhe secrets', () => {
  const marker = 'deadbeef'.repeat(4)
  const bytes = () => new Uint8Array(Buffer.from(marker, 'hex'))

  it('do not print, by any of the ways that things get printed', () => {
    const secret = Secret.take(bytes())
    const printed = [
      String(secret),
      `${secret}`,
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      format('%s %o %O %j', secret, secret, secret, secret),
      Object.prototype.toString.call(secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(structuredClone({ ...secret })),
    ].join('\n')
    expect(printed).to.not.match(/de.?ad|222|173/)
    expect(printed).to.include('[secret]')
    expect(Object.getOwnPropertyNames(secret)).to.deep.equal([])
  })

  it('wipe their source and their content', () => {
    const source = bytes()
    const secret = Secret.take(source)
    expect(source.every((byte) => byte === 0)).to.equal(true)
    let held = new Uint8Array()
    secret.reveal((lent) => {
      held = lent as Uint8Array<ArrayBuffer>
    })
    expect(Buffer.from(held).toString('hex')).to.equal(marker)
    secret.dispose()
    expect(held.every((byte) => byte === 0)).to.equal(true)
  })

  it('refuse every use after disposal, except another disposal', async () => {
    const secret = Secret.random(16)
    expect(secret.length).to.equal(16)
    secret[Symbol.dispose]()
    secret.dispose()
    await refuses('secret-disposed', () => secret.reveal(() => 0))
    await refuses('secret-disposed', () => secret.length)
    await refuses('secret-disposed', () => secret.equals(Secret.random(16)))
  })

  it('compare by content', () => {
    expect(Secret.take(bytes()).equals(Secret.take(bytes()))).to.equal(true)
    expect(Secret.take(bytes()).equals(Secret.random(16))).to.equal(false)
    expect(Secret.take(bytes()).equals(Secret.random(15))).to.equal(false)
  })
})

describe('fhe kernel memory', () => {
  it('keeps no trace of a key share, of its multiple by λ, or of the noise, once the work is done', async () => {
    const round = await openRound({ vectorLength: 8191, wholeWire: true }, 3, 2)
    const { kernel } = round.engine
    const activeSet = [0, 2]
    const shares = await sharesOf(round, activeSet)
    const memory = () => Buffer.from(kernel.calls.memory.buffer)
    // The search works: it finds the sent share after a test puts it into memory.
    const sent = kernel.allocate(round.plan.bytes.polynomial)
    kernel.write(sent, polynomialOf(round, shares[0]!))
    expect(memory().includes(Buffer.from(polynomialOf(round, shares[0]!).slice(4096, 4104)))).to.equal(true)
    kernel.release(sent)
    const { a } = ciphertextOf(round)
    const everyone = round.sum.contributors
    const primes = round.plan.set.primes.slice(0, 2)
    for (const [at, self] of activeSet.entries()) {
      const lambdas = primes.map((p) => lagrangeAtZero(activeSet, self, p))
      const key = round.keys.memberKeys.get(self)!
      const one = new Uint8Array(new BigUint64Array(a.length / 8).fill(1n).buffer)
      const { plan, keys } = round
      const request = { plan, context: ROUND, keyHash: keys.keyHash, contributors: everyone, activeSet }
      const masks = masksOf(kernel, key, request)
      const x = add(kernel, bareShare(kernel, one, key, everyone, lambdas), masks)
      const noise = coefficients(
        kernel,
        subtract(kernel, polynomialOf(round, shares[at]!), product(kernel, a, x, [1n, 1n])),
      )
      const sum = noise[0]! + 3n * (1n << BigInt(kernel.uniformBits - 1)) - 1n
      const s = polynomialOfCoefficients(kernel, ownSecret(kernel, key))
      key.material.reveal((material) => {
        const traces: [string, Uint8Array][] = [
          ['digits of s', material.subarray(0, 64)],
          ['s', s],
          ['−s', product(kernel, one, s, [-1n, -1n])],
          ['a·s', product(kernel, a, s, [1n, 1n])],
          ['f_0', material.subarray(kernel.degree)],
          ['x', dealtSum(kernel, key, everyone)],
          ['λ·x', bareShare(kernel, one, key, everyone, lambdas)],
          ['noise key', material.subarray(-32)],
          ['pair key', pairKeyIn(plan, key, activeSet[1 - at]!)],
          ['mask', masks],
          ['λ·x + mask', x],
          ['a·(λ·x + mask)', product(kernel, a, x, [1n, 1n])],
          ['a·λ·x', bareShare(kernel, a, key, everyone, lambdas)],
          ['noise', fromWords([BigInt.asUintN(64, sum)])],
        ]
        for (const [what, trace] of traces) {
          expect(
            memory().includes(Buffer.from(trace.slice(0, what === 'digits of s' ? 64 : 8))),
            `${what} of member ${self}`,
          ).to.equal(false)
        }
      })
    }
    await round.engine.close()
  })
})
