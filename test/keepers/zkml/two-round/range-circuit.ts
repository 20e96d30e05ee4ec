// SPDX-License-Identifier: GPL-3.0-or-later
// "The secret is a byte": two limbs of four bits looked up in a table of sixteen rows (logUp: Haböck, ePrint 2022/1530), with the
// four public signals of an inference circuit. Built by hand, so that tests can move wires to the wrong round, repeat rows and
// leave the sum out.
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { inverse } from '../../../../keepers/zkml/kernel/kernel.ts'
import { packValues, type TwoPassWitness } from '../../../../keepers/zkml/prove/two-round-witness.ts'
import type { TwoRoundShape } from '../../../../keepers/zkml/setup/two-round-shape.ts'
import { type Constraint, reduce, type Terms, writeR1cs } from './r1cs-writer.ts'

export type Wire = string

/** Wires by name: in which round they are, and the constraints between them. Names stand for wires until the order is known. */
export type NamedCircuit = {
  readonly publicSignals: readonly Wire[]
  readonly challenges: readonly Wire[]
  readonly first: readonly Wire[]
  readonly second: readonly Wire[]
  readonly constraints: readonly (readonly [NamedTerms, NamedTerms, NamedTerms])[]
}

export type NamedTerms = Readonly<Record<Wire, bigint | number>>
export type Values = Readonly<Record<Wire, bigint>>

export type BuiltCircuit = {
  readonly r1cs: Uint8Array
  readonly shape: TwoRoundShape
  readonly indexOf: (wire: Wire) => number
}

export function build(circuit: NamedCircuit): BuiltCircuit {
  const { publicSignals, challenges, first, second, constraints } = circuit
  const order = ['one', ...publicSignals, ...challenges, ...first, ...second]
  const index = new Map(order.map((wire, i) => [wire, i]))
  const indexOf = (wire: Wire) => {
    const found = index.get(wire)
    if (found === undefined) throw new Error(`no wire is called ${wire}`)
    return found
  }
  const terms = (named: NamedTerms): Terms =>
    Object.fromEntries(Object.entries(named).map(([wire, value]) => [indexOf(wire), value]))
  const rows = constraints.map(([a, b, c]): Constraint => [terms(a), terms(b), terms(c)])
  return {
    r1cs: writeR1cs(order.length, publicSignals.length + challenges.length, rows),
    shape: { publicSignals: publicSignals.length, challenges: challenges.length, firstRound: first.length },
    indexOf,
  }
}

/** Moves wires to the second round, behind those that are there. */
export function moved(circuit: NamedCircuit, ...wires: Wire[]): NamedCircuit {
  return {
    ...circuit,
    first: circuit.first.filter((wire) => !wires.includes(wire)),
    second: [...circuit.second, ...wires],
  }
}

export function reduceAll(values: readonly bigint[]): bigint[] {
  return values.map(reduce)
}

/** A witness in two passes from named values; `finish` is given the challenges and adds what depends on them. */
export function passes(
  circuit: NamedCircuit,
  first: Values,
  finish: (challenges: readonly bigint[]) => Values,
): TwoPassWitness {
  const pick = (wires: readonly Wire[], values: Values) => packValues(wires.map((wire) => reduce(values[wire]!)))
  return {
    first: pick([...circuit.publicSignals, ...circuit.first], first),
    finish(challenges) {
      const named = Object.fromEntries(circuit.challenges.map((wire, i) => [wire, challenges[i]!]))
      const all: Values = { one: 1n, ...first, ...named, ...finish(challenges) }
      return pick(['one', ...circuit.publicSignals, ...circuit.challenges, ...circuit.first, ...circuit.second], all)
    },
  }
}

export const ROWS = 16
/** As long as a commitment. */
const MODEL = 2n ** 252n + 7n
const PUBLIC = ['model', 'input', 'output', 'context']

/** secret = low + 16·high, input = secret² + context, both limbs in the table. With two challenges, rows are (t, t²). */
export function rangeCircuit(challenges: 1 | 2 = 1): NamedCircuit {
  const limbs = ['low', 'high']
  const rows = Array.from({ length: ROWS }, (_, t) => t)
  // The table's second column ties each limb to its square, which the output adds up.
  const pairs = challenges === 2
  const looked = (limb: Wire): NamedTerms => (pairs ? { x: 1, [limb]: -1, [`y·${limb}²`]: -1 } : { x: 1, [limb]: -1 })
  const row = (t: number): NamedTerms => (pairs ? { x: 1, one: -t, y: -t * t } : { x: 1, one: -t })
  return {
    publicSignals: PUBLIC,
    challenges: pairs ? ['x', 'y'] : ['x'],
    first: ['secret', ...limbs, ...limbs.map((limb) => `${limb}²`), ...rows.map((t) => `m${t}`)],
    second: [
      ...(pairs ? limbs.map((limb) => `y·${limb}²`) : []),
      ...limbs.map((limb) => `1/(x−${limb})`),
      ...rows.map((t) => `m${t}/(x−${t})`),
    ],
    constraints: [
      [{ secret: 1 }, { secret: 1 }, { input: 1, context: -1 }],
      [{ low: 1, high: 16, secret: -1 }, { one: 1 }, {}],
      [{ model: 1, one: -MODEL }, { one: 1 }, {}],
      [{ 'low²': 1, 'high²': 1, output: -1 }, { one: 1 }, {}],
      // With one column nothing else says what the squares are.
      ...(pairs ? [] : limbs.map((limb) => [{ [limb]: 1 }, { [limb]: 1 }, { [`${limb}²`]: 1 }] as const)),
      ...(pairs ? limbs.map((limb) => [{ y: 1 }, { [`${limb}²`]: 1 }, { [`y·${limb}²`]: 1 }] as const) : []),
      ...limbs.map((limb) => [{ [`1/(x−${limb})`]: 1 }, looked(limb), { one: 1 }] as const),
      ...rows.map((t) => [{ [`m${t}/(x−${t})`]: 1 }, row(t), { [`m${t}`]: 1 }] as const),
      [
        {
          ...Object.fromEntries(limbs.map((limb) => [`1/(x−${limb})`, 1])),
          ...Object.fromEntries(rows.map((t) => [`m${t}/(x−${t})`, -1])),
        },
        { one: 1 },
        {},
      ],
    ],
  }
}

/** What an honest prover of a byte commits to. */
export function firstValues(secret: number, context = 0n): Values {
  const [low, high] = [secret % 16, Math.floor(secret / 16)]
  const counts = Array.from({ length: ROWS }, (_, t) => [`m${t}`, BigInt((low === t ? 1 : 0) + (high === t ? 1 : 0))])
  return {
    model: MODEL,
    input: BigInt(secret) ** 2n + context,
    output: BigInt(low * low + high * high),
    context,
    secret: BigInt(secret),
    low: BigInt(low),
    high: BigInt(high),
    'low²': BigInt(low * low),
    'high²': BigInt(high * high),
    ...Object.fromEntries(counts),
  }
}

/** The second round's values, as its definitions give them from the first. */
export function secondValues(first: Values, [x, y]: readonly bigint[]): Values {
  const quotient = (numerator: bigint, denominator: bigint) =>
    reduce(numerator * inverse(reduce(denominator), SCALAR_FIELD))
  const values: Record<Wire, bigint> = {}
  for (const limb of ['low', 'high']) {
    const tag = y === undefined ? 0n : reduce(y * first[`${limb}²`]!)
    values[`y·${limb}²`] = tag
    values[`1/(x−${limb})`] = quotient(1n, x! - first[limb]! - tag)
  }
  for (let t = 0; t < ROWS; t++) {
    const tag = y === undefined ? 0n : y * BigInt(t * t)
    values[`m${t}/(x−${t})`] = quotient(first[`m${t}`]!, x! - BigInt(t) - tag)
  }
  return values
}

export function honest(circuit: NamedCircuit, secret: number, context = 0n): TwoPassWitness {
  const first = firstValues(secret, context)
  return passes(circuit, first, (challenges) => secondValues(first, challenges))
}
