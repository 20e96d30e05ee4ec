// SPDX-License-Identifier: GPL-3.0-or-later
// Compiles the instances of circuits/instances.json (once, kept in .cache/circuits) and gives tests everything about one:
// witnesses by name, the original constraints, and what they refuse.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import instances from '../../circuits/instances.json' with { type: 'json' }
import { SCALAR_FIELD } from '../../keepers/zkml/bn254.ts'
import { type CompileOptions, compileCached } from '../../keepers/zkml/circuit/compile.ts'
import { ConstraintSystem, decodeWitness, type WitnessProbe } from '../../keepers/zkml/circuit/constraints.ts'
import { undetermined } from '../../keepers/zkml/circuit/determinism.ts'
import { Symbols } from '../../keepers/zkml/circuit/symbols.ts'
import { type CircuitInputs, WitnessProgram } from '../../keepers/zkml/circuit/witness.ts'

export const CACHE = '.cache/circuits'
export const P = SCALAR_FIELD

type Instance = { file: string; template: string; parameters: unknown[]; public: string[]; constraints: number }

export const INSTANCES = instances as Record<string, Instance>
export type InstanceName = keyof typeof instances

/** What the determinism rules cannot close in a signature: the two highest bits of its challenge; field-bits.test.ts does. */
export const OPEN_IN_SIGNATURE = ['challenge.bit[253]', 'challenge.bit[252]']

/** The field element of a signed integer. */
export const field = (value: number | bigint): bigint => ((BigInt(value) % P) + P) % P
export const fields = (values: Iterable<number | bigint>): bigint[] => Array.from(values, field)

export class Circuit {
  readonly program: WitnessProgram
  readonly system: ConstraintSystem
  readonly symbols: Symbols

  constructor(program: WitnessProgram, system: ConstraintSystem, symbols: Symbols) {
    this.program = program
    this.system = system
    this.symbols = symbols
  }

  static async compile(source: string, options: Omit<CompileOptions, 'directory'> = {}): Promise<Circuit> {
    const files = await compileCached(source, { ...options, cache: CACHE })
    const [wasm, r1cs, symbols] = await Promise.all([
      readFile(files.wasm),
      readFile(files.r1cs),
      readFile(files.symbols, 'utf8'),
    ])
    return new Circuit(await WitnessProgram.load(wasm), ConstraintSystem.parse(r1cs), Symbols.parse(symbols))
  }

  /** An instance of the gadget library by its name in instances.json. */
  static instance(name: InstanceName): Promise<Circuit> {
    const { file, template, parameters, public: visible } = INSTANCES[name]!
    return Circuit.compile(mainOf(file, template, parameters, visible), { name })
  }

  witness(inputs: CircuitInputs): bigint[] {
    return decodeWitness(this.program.calculate(inputs))
  }

  value(witness: readonly bigint[], signal: string): bigint {
    return witness[this.symbols.wire(`main.${signal}`)]!
  }

  /** Values of an array signal of `count` elements. */
  values(witness: readonly bigint[], signal: string, count: number): bigint[] {
    return Array.from({ length: count }, (_, i) => this.value(witness, `${signal}[${i}]`))
  }

  get inputWires(): number[] {
    const { outputs, publicInputs, privateInputs } = this.system.header
    return Array.from({ length: publicInputs + privateInputs }, (_, i) => 1 + outputs + i)
  }

  /** All wires that are neither constant nor inputs. */
  get derivedWires(): number[] {
    const inputs = new Set([0, ...this.inputWires])
    return Array.from({ length: this.system.header.variables }, (_, i) => i).filter((wire) => !inputs.has(wire))
  }

  /** Names of the signals that the constraints leave open when inputs and `assumed` signals are fixed. */
  open(...assumed: string[]): string[] {
    const given = [...this.inputWires, ...assumed.map((name) => this.symbols.wire(`main.${name}`))]
    const names = this.symbols.names()
    return undetermined(this.system, given).map((wire) => names.get(wire) ?? `wire ${wire}`)
  }

  /** The constraint that refuses `probe`'s witness with some signals set by name, or null when it is accepted. */
  violation(probe: WitnessProbe, changes: Readonly<Record<string, bigint>>): number | null {
    const wires = Object.entries(changes).map(
      ([name, value]) => [this.symbols.wire(`main.${name}`), field(value)] as const,
    )
    return probe.violation(new Map(wires))
  }

  expectRefused(probe: WitnessProbe, changes: Readonly<Record<string, bigint>>, what: string): void {
    expect(this.violation(probe, changes), what).to.not.equal(null)
  }
}

export function mainOf(
  file: string,
  template: string,
  parameters: readonly unknown[],
  visible: readonly string[],
): string {
  const show = (value: unknown): string => (Array.isArray(value) ? `[${value.map(show).join(', ')}]` : String(value))
  return [
    'pragma circom 2.2.0;',
    `include "${file}.circom";`,
    `component main {public [${visible.join(', ')}]} = ${template}(${parameters.map(show).join(', ')});`,
    '',
  ].join('\n')
}

export type MutationCount = { single: number; double: number }

/**
 * Changes each of `wires` alone to values near, far and mirrored, then pairs of them: half of the pairs at random, half chosen
 * so that one linear combination that names both keeps its value. Every changed witness must be refused by the r1cs.
 */
export function expectMutationsRefused(
  circuit: Circuit,
  witness: readonly bigint[],
  wires: readonly number[],
  doubles: number,
  random: () => number,
): MutationCount {
  const { system } = circuit
  const probe = system.probe(witness)
  const names = circuit.symbols.names()
  const count = { single: 0, double: 0 }
  const accepted: string[] = []
  const attempt = (changes: Map<number, bigint>) => {
    if ([...changes].every(([wire, value]) => value === witness[wire])) return false
    if (probe.violation(changes) === null) {
      accepted.push([...changes].map(([wire, value]) => `${names.get(wire)}: ${witness[wire]} → ${value}`).join(', '))
    }
    return true
  }
  const anyField = () => field(BigInt(Math.floor(random() * 2 ** 53)) ** 5n)
  for (const wire of wires) {
    const value = witness[wire]!
    const near = [
      value + 1n,
      value - 1n,
      1n - value,
      -value,
      value + (1n << BigInt(Math.floor(random() * 250))),
      anyField(),
      0n,
    ]
    for (const changed of new Set(near.map(field))) if (attempt(new Map([[wire, changed]]))) count.single++
  }
  const allowed = new Set(wires)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  for (let i = 0; i < doubles && wires.length > 1; i++) {
    const first = pick(wires)
    const delta = pick([1n, -1n, 2n, anyField()])
    if (i % 2 === 0) {
      const second = pick(wires)
      if (second === first) continue
      const changes = new Map([
        [first, field(witness[first]! + delta)],
        [second, field(witness[second]! + pick([1n, -1n, delta, -delta]))],
      ])
      if (attempt(changes)) count.double++
      continue
    }
    const constraint = pick(system.constraintsOf(first))
    const sides = (['a', 'b', 'c'] as const)
      .map((side) => system.combination(constraint, side))
      .filter((c) => c.has(first))
    const combination = pick(sides)
    const others = [...combination.keys()].filter((wire) => wire !== first && allowed.has(wire))
    if (others.length === 0) continue
    const second = pick(others)
    const changes = new Map([
      [first, field(witness[first]! + delta * combination.get(second)!)],
      [second, field(witness[second]! - delta * combination.get(first)!)],
    ])
    if (attempt(changes)) count.double++
  }
  expect(accepted, 'mutations that the constraints accept').to.deep.equal([])
  return count
}
