// SPDX-License-Identifier: GPL-3.0-or-later
// A prover that keeps no rule: it chooses challenges, changes its mind after the commitment, leaves κ out, and adds to C₂ what
// belongs to C₁. Made of the honest prover's parts, so that a forgery that fails does not fail for want of skill.
import { blindProof } from '../../../../keepers/zkml/prove/groth16.ts'
import { KeyThreads } from '../../../../keepers/zkml/prove/key-threads.ts'
import { blindCommitment, headerPoints } from '../../../../keepers/zkml/prove/two-round.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { packValues } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { drawFieldElement } from '../../../../keepers/zkml/setup/secrets.ts'
import { bordersOf } from '../../../../keepers/zkml/setup/two-round-shape.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import type { TestKey } from './keys.ts'
import { type NamedCircuit, reduceAll, type Values, type Wire } from './range-circuit.ts'

export type Forgery = {
  /** What C₁ holds. */
  readonly committed: Values
  /** All wires' values once C₁ is known; what is missing is 0. */
  readonly finish: (commitment: G1Point) => Values
  readonly kappa?: bigint
  /** Wires of the first round whose points are added to C₂, with these values. */
  readonly addedToC?: Values
}

export async function forge(test: TestKey, circuit: NamedCircuit, forgery: Forgery): Promise<TwoRoundProof> {
  const zkey = parseTwoRoundZkey(test.zkey.slice())
  const { header, sections, shape } = zkey
  const { firstRound, secondRound } = bordersOf(shape)
  const { variables, domainSize } = header
  const commitment = { points: sections.commitment, firstVariable: firstRound }
  const threads = await KeyThreads.start(
    { variables, domainSize, sections, firstOfC: secondRound, commitment },
    { threads: 1 },
  )
  try {
    const points = headerPoints(zkey)
    const kappa = forgery.kappa === undefined ? drawFieldElement() : packValues([forgery.kappa])
    const parts = await threads.commit(wiresOf(circuit, forgery.committed))
    const first = await blindCommitment(points, parts, kappa)
    const sums = await threads.sum(wiresOf(circuit, forgery.finish(first.commitment)), undefined)
    const added = forgery.addedToC === undefined ? [] : await threads.commit(wiresOf(circuit, forgery.addedToC))
    const c = [...sums.c, ...added]
    const [r, s] = [drawFieldElement(), drawFieldElement()]
    const proof = await blindProof(points, { ...sums, c }, r, s, first.correction)
    return { ...proof, commitment: first.commitment }
  } finally {
    await threads.close()
  }
}

/** C₁ of some values with κ = 0: what anybody with the proving key can compute of a guess. */
export async function commitmentsOf(
  test: TestKey,
  circuit: NamedCircuit,
  guesses: readonly Values[],
): Promise<G1Point[]> {
  const found: G1Point[] = []
  const zkey = parseTwoRoundZkey(test.zkey.slice())
  const { header, sections, shape } = zkey
  const { firstRound, secondRound } = bordersOf(shape)
  const commitment = { points: sections.commitment, firstVariable: firstRound }
  const threads = await KeyThreads.start({ ...header, sections, firstOfC: secondRound, commitment }, { threads: 1 })
  const zero = packValues([0n])
  for (const guess of guesses) {
    const parts = await threads.commit(wiresOf(circuit, guess))
    found.push((await blindCommitment(headerPoints(zkey), parts, zero.slice())).commitment)
  }
  await threads.close()
  return found
}

/** a − b in G1. */
export async function difference(a: G1Point, b: G1Point): Promise<G1Point> {
  const { G1 } = await loadCurve()
  const [left, right] = [a, b].map(([x, y]) => G1.fromObject([x, y, 1n]))
  return G1.toObject(G1.toAffine(G1.add(left!, G1.neg(right!)))).slice(0, 2) as unknown as G1Point
}

function wiresOf(circuit: NamedCircuit, values: Values): Uint8Array<ArrayBuffer> {
  const order: Wire[] = ['one', ...circuit.publicSignals, ...circuit.challenges, ...circuit.first, ...circuit.second]
  return packValues(reduceAll(order.map((wire) => (wire === 'one' ? 1n : (values[wire] ?? 0n)))))
}
