// SPDX-License-Identifier: GPL-3.0-or-later
// Keys, proofs and answers that another implementation can check itself against: snapshots/groth16-lookup-vectors.json, written anew
// by `COHORT_UPDATE_VECTORS=1`. Checked here by ours and by one over @noble/curves.
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { z } from 'zod'
import { BASE_FIELD, SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { openTwoRound } from '../../../../keepers/zkml/prove/two-round.ts'
import { parseTwoRoundProof, twoRoundProofToJson } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import {
  challengesOf,
  parseTwoRoundKey,
  twoRoundKeyHash,
  twoRoundKeyToJson,
} from '../../../../keepers/zkml/verifier/two-round-key.ts'
import { pointOutsideSubgroup } from '../outside-subgroup.ts'
import { forge } from './dishonest.ts'
import { keyFor } from './keys.ts'
import { firstValues, honest, rangeCircuit, secondValues } from './range-circuit.ts'
import { challenges, holds, type KeyJson, keyHash, type ProofJson } from './second-implementation.ts'

const FILE = new URL('../../../../snapshots/groth16-lookup-vectors.json', import.meta.url)

const schema = z.strictObject({
  about: z.string(),
  keys: z.array(z.strictObject({ key: z.unknown(), vkHash: z.string() })),
  cases: z.array(
    z.strictObject({
      what: z.string(),
      key: z.int(),
      proof: z.unknown(),
      publicSignals: z.array(z.string()),
      /** As hashed from what the case says; absent where a number is out of range. */
      challenges: z.array(z.string()).optional(),
      holds: z.boolean(),
    }),
  ),
})
type Vectors = z.infer<typeof schema>

describe('test vectors of Groth16 in two rounds', () => {
  let vectors: Vectors

  before(async () => {
    if (process.env.COHORT_UPDATE_VECTORS === '1') {
      await writeFile(FILE, `${JSON.stringify(await makeVectors(), null, 2)}\n`)
    }
    vectors = schema.parse(JSON.parse(await readFile(FILE, 'utf8')))
  })

  it('cover both numbers of challenges, true proofs and false ones', () => {
    expect(vectors.keys.map(({ key }) => (key as KeyJson).nChallenges)).to.deep.equal([1, 2])
    for (const key of [0, 1]) {
      const answers = vectors.cases.filter((one) => one.key === key).map((one) => one.holds)
      expect(answers.filter((answer) => answer)).to.have.length.above(1)
      expect(answers.filter((answer) => !answer)).to.have.length.above(10)
    }
  })

  it('are answered alike by ours and by another implementation', async function () {
    this.timeout(60_000)
    for (const { key, vkHash } of vectors.keys) {
      expect(twoRoundKeyHash(parseTwoRoundKey(key))).to.equal(vkHash)
      expect(`0x${keyHash(key as KeyJson)}`).to.equal(vkHash)
    }
    for (const { what, key: index, proof, publicSignals, challenges: expected, holds: answer } of vectors.cases) {
      const json = vectors.keys[index]!.key
      expect(holds(json as KeyJson, proof as ProofJson, publicSignals), `${what}, elsewhere`).to.equal(answer)
      expect(await ours(json, proof, publicSignals), what).to.equal(answer)
      if (expected === undefined) continue
      const key = parseTwoRoundKey(json)
      const { commitment } = parseTwoRoundProof(proof)
      const found = challengesOf(twoRoundKeyHash(key), key.shape.challenges, commitment, publicSignals.map(BigInt))
      expect(found.map(String), what).to.deep.equal(expected)
      expect(challenges(json as KeyJson, proof as ProofJson, publicSignals).map(String), what).to.deep.equal(expected)
    }
  })
})

/** Whatever does not parse does not hold. */
async function ours(key: unknown, proof: unknown, signals: readonly string[]): Promise<boolean> {
  let parsed: ReturnType<typeof parseTwoRoundProof>
  try {
    parsed = parseTwoRoundProof(proof)
  } catch {
    return false
  }
  return verifyTwoRound(parseTwoRoundKey(key), parsed, signals.map(BigInt))
}

async function makeVectors(): Promise<Vectors> {
  const made = await Promise.all(([1, 2] as const).map(casesOf))
  return {
    about:
      'Groth16 in two rounds (MIRAGE, ePrint 2020/278) over BN254 as docs/zkml-lookups.md lays it out. Decimal numbers; coordinates of G2 as [real, imaginary].',
    keys: made.map(({ key }) => ({ key: twoRoundKeyToJson(key), vkHash: twoRoundKeyHash(key) })),
    cases: made.flatMap(({ cases }, key) => cases.map((one) => ({ ...one, key }))),
  }
}

async function casesOf(count: 1 | 2) {
  const circuit = rangeCircuit(count)
  const test = await keyFor(circuit)
  const { key } = test
  const prover = await openTwoRound(test.zkey, { threads: 1 })
  const secrets = [0, 200, 255, 200]
  const proofs = await Promise.all(
    secrets.map((secret) => prover.prove(honest(circuit, secret, SCALAR_FIELD - 100_000n))),
  )
  await prover.close()
  const cases: Omit<Vectors['cases'][number], 'key'>[] = []
  const add = (
    what: string,
    proof: object,
    signals: readonly bigint[],
    answer: boolean,
    hashed: string[] | undefined,
  ) =>
    cases.push({
      what,
      proof,
      publicSignals: signals.map(String),
      ...(hashed && { challenges: hashed }),
      holds: answer,
    })
  const hashed = (commitment: readonly [bigint, bigint], signals: readonly bigint[]) =>
    challengesOf(twoRoundKeyHash(key), count, commitment, signals).map(String)
  for (const [i, { proof, publicSignals }] of proofs.entries()) {
    add(
      `a byte, ${secrets[i]}`,
      twoRoundProofToJson(proof),
      publicSignals,
      true,
      hashed(proof.commitment, publicSignals),
    )
  }
  const [, { proof, publicSignals }, other, again] = proofs as [
    never,
    (typeof proofs)[0],
    (typeof proofs)[0],
    (typeof proofs)[0],
  ]
  for (const part of ['a', 'b', 'commitment', 'c'] as const) {
    for (const [from, { proof: source }] of [
      ['another proof', other],
      ['a proof of the same', again],
    ] as const) {
      const mixed = { ...proof, [part]: source[part] }
      add(
        `${part} of ${from}`,
        twoRoundProofToJson(mixed),
        publicSignals,
        false,
        hashed(mixed.commitment, publicSignals),
      )
    }
  }
  for (const part of ['a', 'commitment', 'c'] as const) {
    const [x, y] = proof[part]
    const negative = { ...proof, [part]: [x, BASE_FIELD - y] as const }
    add(`−${part}`, twoRoundProofToJson(negative), publicSignals, false, hashed(negative.commitment, publicSignals))
    add(`${part} at infinity`, twoRoundProofToJson({ ...proof, [part]: [0n, 0n] }), publicSignals, false, undefined)
    add(
      `${part} off the curve`,
      twoRoundProofToJson({ ...proof, [part]: [x, (y + 1n) % BASE_FIELD] }),
      publicSignals,
      false,
      undefined,
    )
    add(
      `${part} with x + q`,
      twoRoundProofToJson({ ...proof, [part]: [x + BASE_FIELD, y] }),
      publicSignals,
      false,
      undefined,
    )
  }
  const outside = pointOutsideSubgroup().map(([im, re]) => [re!, im!] as const)
  add(
    'b outside the subgroup',
    twoRoundProofToJson({ ...proof, b: [outside[0]!, outside[1]!] }),
    publicSignals,
    false,
    hashed(proof.commitment, publicSignals),
  )
  for (const [i, signal] of publicSignals.entries()) {
    const next = publicSignals.with(i, (signal + 1n) % SCALAR_FIELD)
    add(`signal ${i} + 1`, twoRoundProofToJson(proof), next, false, hashed(proof.commitment, next))
    add(`signal ${i} + r`, twoRoundProofToJson(proof), publicSignals.with(i, signal + SCALAR_FIELD), false, undefined)
  }
  // The equation holds for it, with challenges that the prover chose.
  const chosen = [5_000_000n, 7_000_000n].slice(0, count)
  const first = firstValues(200)
  const names = Object.fromEntries(circuit.challenges.map((wire, i) => [wire, chosen[i]!]))
  const forged = await forge(test, circuit, {
    committed: first,
    finish: () => ({ ...first, ...names, ...secondValues(first, chosen) }),
  })
  const signals = circuit.publicSignals.map((wire) => first[wire]!)
  add(
    'challenges of the prover’s own choice',
    twoRoundProofToJson(forged),
    signals,
    false,
    hashed(forged.commitment, signals),
  )
  return { key, cases }
}
