// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { BASE_FIELD, SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { openTwoRound, type TwoRoundProver } from '../../../../keepers/zkml/prove/two-round.ts'
import {
  parseTwoRoundProof,
  type TwoRoundProof,
  type TwoRoundProofWithSignals,
  twoRoundProofToJson,
} from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { verifyTwoRound, verifyTwoRoundBatch } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { packValues } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import { wasmBackend } from '../../../../keepers/zkml/prove/wasm.ts'
import { setupLocal } from '../../../../keepers/zkml/setup/local.ts'
import { readKeyMetadata } from '../../../../keepers/zkml/setup/metadata.ts'
import { setupTwoRound } from '../../../../keepers/zkml/setup/two-round.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import { parseZkey } from '../../../../keepers/zkml/setup/zkey.ts'
import { fromSolidityProof, toSolidityProof } from '../../../../keepers/zkml/verifier/calldata.ts'
import {
  challengesOf,
  parseTwoRoundKey,
  twoRoundKeyHash,
  twoRoundKeyToJson,
} from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { keyFor, type TestKey } from './keys.ts'
import { build, firstValues, honest, moved, passes, rangeCircuit, secondValues } from './range-circuit.ts'

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

for (const challenges of [1, 2] as const) {
  describe(`Groth16 in two rounds, ${challenges === 1 ? 'one challenge' : 'two challenges'}`, () => {
    const circuit = rangeCircuit(challenges)
    let test: TestKey
    let prover: TwoRoundProver
    let proofs: TwoRoundProofWithSignals[]

    before(async () => {
      test = await keyFor(circuit)
      prover = await openTwoRound(test.zkey, { threads: 2 })
      proofs = await Promise.all([0, 17, 255, 17].map((secret) => prover.prove(honest(circuit, secret, 9n))))
    })
    after(() => prover.close())

    it('makes proofs that hold, alone and in a batch, with the witness’s public signals', async () => {
      expect(proofs.map(({ publicSignals }) => publicSignals[1])).to.deep.equal([9n, 298n, 65034n, 298n])
      for (const { proof, publicSignals } of proofs) {
        expect(await verifyTwoRound(test.key, proof, publicSignals)).to.equal(true)
      }
      expect(await verifyTwoRoundBatch(test.key, proofs)).to.equal(true)
      expect(await verifyTwoRoundBatch(test.key, [])).to.equal(true)
    })

    it('is read back from what a contract was given', () => {
      for (const { proof } of proofs) expect(fromSolidityProof(toSolidityProof(proof), true)).to.deep.equal(proof)
      const given = toSolidityProof(proofs[0]!.proof)
      const other = { ...given, c: [given.c[0] ^ (1n << 255n), given.c[1]] as const }
      const { commitment, ...same } = fromSolidityProof(other, true) as TwoRoundProof
      expect({ ...same, commitment: [commitment[0], BASE_FIELD - commitment[1]] }).to.deep.equal(proofs[0]!.proof)
      // Of x = 0 there is no point: 3 is no square.
      expect(() => fromSolidityProof({ ...given, c: [0n, given.c[1]] }, true)).to.throw('stands for no point')
      expect(() => fromSolidityProof({ ...given, c: [BASE_FIELD + 1n, given.c[1]] }, true)).to.throw(RangeError)
    })

    it('makes the same statements hold with every engine and number of threads', async () => {
      for (const options of [
        { threads: 1, engine: 'kernel' },
        { threads: 5, engine: 'kernel' },
        { threads: 2, engine: 'portable' },
      ] as const) {
        const other = await openTwoRound(test.zkey, options)
        const { proof, publicSignals } = await other.prove(honest(circuit, 201, SCALAR_FIELD - 5n))
        await other.close()
        expect(await verifyTwoRound(test.key, proof, publicSignals), JSON.stringify(options)).to.equal(true)
      }
    })

    it('makes the same proof of the same randomness with both engines', async () => {
      const made: TwoRoundProof[] = []
      for (const engine of ['kernel', 'portable'] as const) {
        let drawn = 0n
        const other = await openTwoRound(test.zkey, { threads: 2, engine }, () => packValues([++drawn * 12345n]))
        made.push((await other.prove(honest(circuit, 90))).proof)
        await other.close()
      }
      expect(made[0]).to.deep.equal(made[1])
    })

    it('shares no point between two proofs of one statement', () => {
      const [, one, , two] = proofs.map(({ proof }) => proof)
      const points = [one!, two!].flatMap(({ a, b, commitment, c }) => [a, b, commitment, c].map(String))
      expect(new Set(points).size).to.equal(8)
      expect(proofs[1]!.publicSignals).to.deep.equal(proofs[3]!.publicSignals)
    })

    it('refuses every changed part of a proof, its signals and its key', async () => {
      const { proof, publicSignals } = proofs[1]!
      const other = proofs[2]!
      const points = ['a', 'b', 'commitment', 'c'] as const
      const forged: (readonly [string, TwoRoundProof, readonly bigint[]])[] = [
        ...points.map(
          (part) => [`${part} of another proof`, { ...proof, [part]: other.proof[part] }, publicSignals] as const,
        ),
        ...points.map(
          (part) =>
            [`${part} of the same statement`, { ...proof, [part]: proofs[3]!.proof[part] }, publicSignals] as const,
        ),
        ...(['a', 'commitment', 'c'] as const).map(
          (part) =>
            [`−${part}`, { ...proof, [part]: [proof[part][0], BASE_FIELD - proof[part][1]] }, publicSignals] as const,
        ),
        ...(['a', 'commitment', 'c'] as const).map(
          (part) => [`${part} at infinity`, { ...proof, [part]: [0n, 0n] }, publicSignals] as const,
        ),
        ...(['a', 'commitment', 'c'] as const).flatMap((part) =>
          [0, 1].map((i) => {
            const alias = [...proof[part]] as [bigint, bigint]
            alias[i]! += BASE_FIELD
            return [`${part}[${i}] + q`, { ...proof, [part]: alias }, publicSignals] as const
          }),
        ),
        ['C₁ and C₂ exchanged', { ...proof, commitment: proof.c, c: proof.commitment }, publicSignals],
        ...publicSignals.map((_, i) => {
          const signals = publicSignals.with(i, (publicSignals[i]! + 1n) % SCALAR_FIELD)
          return [`signal ${i} + 1`, proof, signals] as const
        }),
        ...publicSignals.map(
          (_, i) => [`signal ${i} + r`, proof, publicSignals.with(i, publicSignals[i]! + SCALAR_FIELD)] as const,
        ),
        ['signals of another', proof, other.publicSignals],
      ]
      for (const [what, bad, signals] of forged) {
        expect(await verifyTwoRound(test.key, bad, signals), what).to.equal(false)
        const batch = [proofs[0]!, { proof: bad, publicSignals: signals }]
        expect(await verifyTwoRoundBatch(test.key, batch), `${what}, in a batch`).to.equal(false)
      }
      expect(await rejection(verifyTwoRound(test.key, proof, publicSignals.slice(1)))).to.have.property(
        'code',
        'circuit-mismatch',
      )
      const { key } = test
      const keys = [
        { ...key, deltaFirst: key.deltaSecond, deltaSecond: key.deltaFirst },
        { ...key, alpha: key.ic[0]! },
        { ...key, ic: key.ic.with(5, key.ic[0]!) },
        { ...key, shape: { ...key.shape, firstRound: key.shape.firstRound + 1 } },
      ]
      for (const bad of keys) expect(await verifyTwoRound(bad, proof, publicSignals)).to.equal(false)
    })

    it('keeps its shape in the hash that names the key, and round trips as JSON', () => {
      const { key } = test
      expect(parseTwoRoundKey(JSON.parse(JSON.stringify(twoRoundKeyToJson(key))))).to.deep.equal(key)
      const hashes = [
        key.shape,
        { ...key.shape, firstRound: key.shape.firstRound + 1 },
        { ...key.shape, publicSignals: 3, challenges: key.shape.challenges + 1 },
      ].map((shape) => twoRoundKeyHash({ ...key, shape }))
      expect(new Set(hashes).size).to.equal(3)
      expect(prover.vkHash).to.equal(hashes[0])
      const { proof } = proofs[0]!
      expect(parseTwoRoundProof(JSON.parse(JSON.stringify(twoRoundProofToJson(proof))))).to.deep.equal(proof)
      for (const broken of [{ pi_c1: undefined }, { protocol: 'groth16' }, { pi_c2: ['1', '2', '0'] }]) {
        expect(() => parseTwoRoundProof({ ...twoRoundProofToJson(proof), ...broken })).to.throw(/proof/)
      }
    })

    it('refuses witnesses of another circuit, and passes that contradict each other', async () => {
      const good = honest(circuit, 5)
      const first = firstValues(5)
      const change = (edit: (all: Uint8Array) => void) => ({
        first: good.first,
        async finish(given: readonly bigint[]) {
          const all = (await good.finish(given)).slice()
          edit(all)
          return all
        },
      })
      const { indexOf, shape } = build(circuit)
      const cases: [Parameters<TwoRoundProver['prove']>[0], string, RegExp][] = [
        [{ ...good, first: good.first.slice(32) }, 'circuit-mismatch', /the first pass has/],
        [{ ...good, first: good.first.map(() => 255) }, 'malformed', /not below/],
        [{ ...good, finish: () => good.first }, 'circuit-mismatch', /values/],
        [
          change((all) => all.fill(1, 32 * indexOf('low'), 32 * indexOf('low') + 1)),
          'invalid-witness',
          /wire \d+ of the first round is not/,
        ],
        [
          change((all) => all.fill(1, 32 * indexOf('context'), 32 * indexOf('context') + 1)),
          'invalid-witness',
          /public signal 3/,
        ],
        [
          passes(circuit, first, ([, ...rest]) => ({ ...secondValues(first, [1n, ...rest]), x: 1n })),
          'invalid-witness',
          /challenge 0/,
        ],
      ]
      for (const [witness, code, message] of cases) {
        const error = await rejection(prover.prove(witness))
        expect(error).to.have.property('code', code)
        expect(String(error)).to.match(message)
      }
      expect(shape.challenges).to.equal(challenges)
      const { proof, publicSignals } = await prover.prove(good)
      expect(await verifyTwoRound(test.key, proof, publicSignals)).to.equal(true)
    })

    it('makes no valid proof from a witness that breaks any one constraint of either round', async () => {
      const names = [...circuit.publicSignals, ...circuit.first, ...circuit.second]
      for (const name of names.filter((_, i) => i % 5 === 0)) {
        const first = { ...firstValues(5) }
        if (name in first) first[name] = first[name]! + 1n
        const witness = passes(circuit, first, (given) => {
          const second = { ...secondValues(first, given) }
          if (name in second) second[name] = second[name]! + 1n
          return second
        })
        const { proof, publicSignals } = await prover.prove(witness)
        expect(await verifyTwoRound(test.key, proof, publicSignals), name).to.equal(false)
      }
    })

    it('is still of use after an aborted call and after a second pass that fails', async () => {
      const good = honest(circuit, 5)
      const controller = new AbortController()
      const aborted = rejection(prover.prove(good, { signal: controller.signal }))
      controller.abort(new Error('enough'))
      expect(await aborted).to.have.property('message', 'enough')
      const failing = { ...good, finish: () => Promise.reject(new Error('no second pass')) }
      expect(await rejection(prover.prove(failing))).to.have.property('message', 'no second pass')
      const { proof, publicSignals } = await prover.prove(good)
      expect(await verifyTwoRound(test.key, proof, publicSignals)).to.equal(true)
    })
  })
}

describe('keys for Groth16 in two rounds', () => {
  let folder: string
  let r1cs: string
  let zkey: string
  const circuit = rangeCircuit()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-two-round-'))
    ;[r1cs, zkey] = [join(folder, 'a.r1cs'), join(folder, 'a.zkey')]
    await writeFile(r1cs, build(circuit).r1cs)
    await setupTwoRound(r1cs, zkey, build(circuit).shape, { threads: 1 })
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('say so beside the key, with the shape and the hash', async () => {
    const metadata = await readKeyMetadata(zkey)
    const { shape } = build(circuit)
    expect(metadata.circuit.publicSignals).to.equal(4)
    expect(metadata.rounds).to.deep.equal({ challenges: 1, firstRound: shape.firstRound })
    const prover = await openTwoRound(zkey, { threads: 1 })
    expect(prover.vkHash).to.equal(metadata.vkHash)
    await prover.close()
  })

  it('are refused by name where plain keys are read, and the reverse', async () => {
    const plain = join(folder, 'plain.zkey')
    await setupLocal(r1cs, plain, { threads: 1 })
    const inTwo = await readFile(zkey)
    expect(() => parseZkey(inTwo, 'a.zkey')).to.throw('a.zkey: is a key for Groth16 in two rounds (groth16-lookup)')
    expect(await rejection(wasmBackend({ threads: 1 }).open(zkey))).to.have.property('code', 'zkey-malformed')
    const file = await readFile(plain)
    expect(() => parseTwoRoundZkey(file, 'plain.zkey')).to.throw('plain.zkey: is a key for plain Groth16')
    expect(await rejection(openTwoRound(plain, { threads: 1 }))).to.have.property('code', 'zkey-malformed')
  })

  it('are refused when truncated anywhere, and when the header lies', async () => {
    const file = new Uint8Array(await readFile(zkey))
    for (let length = 0; length < file.byteLength; length += 97) {
      expect(() => parseTwoRoundZkey(file.subarray(0, length)), `${length}`)
        .to.throw()
        .with.property('code', 'zkey-malformed')
    }
    // Protocol's section of 4 bytes, then coefficients, then the header: two framed primes, then the words.
    const at = 12 + 16 + 12 + Number(new DataView(file.buffer).getBigUint64(12 + 16 + 4, true)) + 12 + 72
    const { header, shape } = parseTwoRoundZkey(file)
    const words = [header.variables, shape.publicSignals, shape.challenges, shape.firstRound, header.domainSize]
    for (const [i, word] of words.entries()) {
      expect(new DataView(file.buffer).getUint32(at + 4 * i, true)).to.equal(word)
      for (const lie of [0, word + 1, 2 * word, 0xffffffff]) {
        const lying = file.slice()
        new DataView(lying.buffer).setUint32(at + 4 * i, lie, true)
        expect(() => parseTwoRoundZkey(lying), `word ${i} as ${lie}`)
          .to.throw()
          .with.property('code', 'zkey-malformed')
      }
    }
  })

  it('are not made where the second round is not determined; an older key stays', async () => {
    const bad = moved(circuit, 'm3')
    await writeFile(join(folder, 'bad.r1cs'), build(bad).r1cs)
    await writeFile(join(folder, 'bad.zkey'), 'older')
    const error = await rejection(setupTwoRound(join(folder, 'bad.r1cs'), join(folder, 'bad.zkey'), build(bad).shape))
    expect(error).to.have.property('code', 'r1cs-unsupported')
    expect(await readFile(join(folder, 'bad.zkey'), 'utf8')).to.equal('older')
  })

  it('give challenges that depend on all that was said before', () => {
    const [hash, other] = [`0x${'11'.repeat(32)}`, `0x${'12'.repeat(32)}`]
    const base = challengesOf(hash, 2, [1n, 2n], [3n, 4n])
    expect(base[0]).to.not.equal(base[1])
    for (const challenge of base) expect(challenge < 2n ** 248n).to.equal(true)
    expect(challengesOf(hash, 1, [1n, 2n], [3n, 4n])).to.deep.equal(base.slice(0, 1))
    const others = [
      challengesOf(other, 1, [1n, 2n], [3n, 4n]),
      challengesOf(hash, 1, [2n, 1n], [3n, 4n]),
      challengesOf(hash, 1, [1n, 2n], [4n, 3n]),
      challengesOf(hash, 1, [1n, 2n], [3n]),
    ]
    expect(new Set([...others, base].map(([first]) => first)).size).to.equal(5)
  })
})
